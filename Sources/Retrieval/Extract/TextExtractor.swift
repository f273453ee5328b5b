import Glibc

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
    let format = FileFormat(name: path)
    switch format {
    case .pdf: return convert { () throws(Converters.Failure) in try converters.pdf(path) }
    case .pandoc(let format):
      return convert { () throws(Converters.Failure) in
        try converters.pandoc(path, from: format)
      }
    case .gzip(let inner): return unpacked(bytes, inner)
    default: return text(format, bytes)
    }
  }

  /// Why a file need not even be opened: no program is here that reads it.
  package func missingConverter(for path: String) -> SkipReason? {
    switch FileFormat(name: path) {
    case .pdf: converters.missing(.pdf)
    case .pandoc: converters.missing(.pandoc)
    default: nil
    }
  }

  private func text(_ format: FileFormat, _ bytes: UnsafeRawBufferPointer) -> Outcome {
    switch format {
    case .html: page(bytes)
    case .notebook: decoded(bytes) { NotebookText.convert($0) ?? asIs($0, .text) }
    case .mail: mail(bytes)
    case .plain(.text) where ScriptMark.isScript(bytes): decoded(bytes) { asIs($0, .code) }
    case .plain(let kind): decoded(bytes) { asIs($0, kind) }
    // Converters read files, not what lies packed in one.
    case .pdf, .pandoc, .gzip: .skipped(.binary)
    }
  }

  private func unpacked(_ bytes: UnsafeRawBufferPointer, _ inner: FileFormat) -> Outcome {
    // Servers and browsers leave plain text under this name.
    guard GzipText.isGzip(bytes) else { return text(inner, bytes) }
    switch GzipText.unpack(bytes) {
    case .failed(let reason): return .skipped(reason)
    case .bytes(let unpacked):
      let outcome = unpacked.withUnsafeBytes { text(inner, $0) }
      guard case .text(var found) = outcome else { return outcome }
      found.isConverted = true
      return .text(found)
    }
  }

  /// A page may say how it is spelled; what is UTF-8 is known by itself.
  private func page(_ bytes: UnsafeRawBufferPointer) -> Outcome {
    if bytes.first != 0xff, bytes.first != 0xfe, let set = HTMLText.declaredCharset(bytes),
      bytes.contains(0x1b) || !UTF8Check.isMostlyValid(bytes),
      let text = NamedCharset.decode(bytes, name: set)
    {
      return finish(HTMLText.convert(text))
    }
    return decoded(bytes) { HTMLText.convert($0) }
  }

  /// A mail's own headers tell how its parts are spelled, so it is not decoded as a whole.
  private func mail(_ bytes: UnsafeRawBufferPointer) -> Outcome {
    if let base = bytes.baseAddress, memchr(base, 0, min(bytes.count, 4096)) != nil {
      return .skipped(.binary)
    }
    return finish(MailText.convert(Array(bytes)))
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

  /// At most 160 bytes, cut at a character.
  static func title(_ utf8: [UInt8]) -> String {
    utf8.withUnsafeBytes { ChunkPacker(bytes: $0, chunker: Chunker()).text(0..<$0.count) }
  }

  /// The first top heading among the first lines.
  static func markdownTitle(_ utf8: [UInt8]) -> String {
    utf8.withUnsafeBytes { bytes in
      let packer = ChunkPacker(bytes: bytes, chunker: Chunker())
      var lines = LineReader(bytes)
      var previous: Range<Int>?
      var fence: (mark: UInt8, count: Int)?
      for _ in 0..<60 {
        guard let line = lines.next() else { break }
        let body = lines.trimmed(line)
        if let current = fence {
          if ChunkPacker.closesFence(bytes, body, current) { fence = nil }
          continue
        }
        if body.isEmpty {
          previous = nil
          continue
        }
        fence = ChunkPacker.opensFence(bytes, body)
        if fence == nil, lines.indentation(line) < 4, ChunkPacker.headingLevel(bytes, body) == 1 {
          return packer.headingText(body, 1)
        }
        if let previous, ChunkPacker.underlineLevel(bytes, body) == 1 {
          return packer.text(previous)
        }
        previous = fence == nil ? body : nil
      }
      return ""
    }
  }
}
