/// The text of a file, ready to be cut into passages.
package struct ExtractedText: Sendable {
  /// Valid UTF-8.
  package var utf8: [UInt8]
  package var kind: ContentKind
  /// From the document itself; "" when it names none.
  package var title: String
  /// Ranges count in `utf8` and not in the file, because the file is not text of this form.
  package var isConverted: Bool
  package var encoding: TextEncoding
}

/// Makes text of files. Bytes in, text out; only PDF, office and book formats start a program.
package struct TextExtractor: Sendable {
  /// Finds and runs `pdftotext` and `pandoc`.
  var converters: Converters

  package init() { converters = Converters() }

  package init(converters: Converters) { self.converters = converters }

  /// What a file gave: text, or why not.
  package enum Outcome: Sendable {
    case text(ExtractedText)
    case skipped(SkipReason)
  }

  /// - Parameters:
  ///   - path: tells the format, and is what converters read.
  ///   - bytes: the file's content, lent for the call.
  package func extract(path: String, bytes: UnsafeRawBufferPointer) -> Outcome {
    switch FileFormat(name: path) {
    case .pdf: return convert { () throws(Converters.Failure) in try converters.pdf(path) }
    case .pandoc(let format):
      return convert { () throws(Converters.Failure) in
        try converters.pandoc(path, from: format)
      }
    case .html: return decoded(bytes) { HTMLText.convert($0) }
    case .notebook: return decoded(bytes) { NotebookText.convert($0) ?? asIs($0, .text) }
    case .plain(let kind): return decoded(bytes) { asIs($0, kind) }
    }
  }

  /// Whether the file's bytes matter, or only its path (converted by another program).
  package static func readsBytes(_ path: String) -> Bool {
    switch FileFormat(name: path) {
    case .pdf, .pandoc: false
    default: true
    }
  }

  private func asIs(_ utf8: [UInt8], _ kind: ContentKind) -> ExtractedText {
    ExtractedText(
      utf8: utf8, kind: kind, title: kind == .markdown ? Self.markdownTitle(utf8) : "",
      isConverted: false, encoding: .utf8)
  }

  private func decoded(
    _ bytes: UnsafeRawBufferPointer, _ body: ([UInt8]) -> ExtractedText
  ) -> Outcome {
    guard let encoding = TextEncoding.detect(bytes) else { return .skipped(.binary) }
    var text = body(encoding.decode(bytes))
    text.encoding = encoding
    return finish(text)
  }

  private func convert(_ body: () throws(Converters.Failure) -> ExtractedText) -> Outcome {
    do {
      return finish(try body())
    } catch {
      return .skipped(error.reason)
    }
  }

  private func finish(_ text: ExtractedText) -> Outcome {
    text.utf8.allSatisfy(isSpace) ? .skipped(.empty) : .text(text)
  }

  /// The first top heading among the first lines.
  static func markdownTitle(_ utf8: [UInt8]) -> String {
    utf8.withUnsafeBytes { bytes in
      var lines = LineReader(bytes)
      var previous: Range<Int>?
      for _ in 0..<60 {
        guard let line = lines.next() else { break }
        let body = lines.trimmed(line)
        if body.isEmpty {
          previous = nil
          continue
        }
        if ChunkPacker.headingLevel(bytes, body) == 1 {
          let text = trimmedRange(bytes, body.lowerBound + 1..<body.upperBound)
          return String(decoding: bytes[text].prefix(160), as: UTF8.self)
        }
        if let previous, ChunkPacker.underlineLevel(bytes, body) == 1 {
          return String(decoding: bytes[previous].prefix(160), as: UTF8.self)
        }
        previous = body
      }
      return ""
    }
  }
}
