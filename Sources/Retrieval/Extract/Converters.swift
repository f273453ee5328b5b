/// Reads PDF through `pdftotext` and office and book formats through `pandoc`, where installed.
package struct Converters: Sendable {
  package struct Failure: Error {
    let reason: SkipReason
  }

  /// Folders searched for programs.
  var folders: [String]
  /// What a program may use for one file: a packed bomb ends it, not this machine.
  package var limits = Subprocess.Limits()

  package init() {
    folders = (Subprocess.environment("PATH") ?? "/usr/bin:/bin").split(separator: ":")
      .map(String.init)
  }

  package init(folders: [String]) { self.folders = folders }

  /// The programs, and what to install for them.
  enum Tool {
    case pdf, pandoc

    var name: String { self == .pdf ? "pdftotext" : "pandoc" }

    /// Continues "needs".
    var advice: String {
      switch self {
      case .pdf: "pdftotext to read PDF files (install poppler-utils)"
      case .pandoc: "pandoc to read office and e-book files (install pandoc)"
      }
    }
  }

  /// Why files of a tool are not read; nil when it is installed.
  func missing(_ tool: Tool) -> SkipReason? {
    Subprocess.find(tool.name, in: folders) == nil ? .needsConverter(tool.advice) : nil
  }

  func pdf(_ path: String) throws(Failure) -> ExtractedText {
    let text = try run(.pdf, ["-q", "-enc", "UTF-8", "--", path, "-"])
    return ExtractedText(
      utf8: text, kind: .text, title: "", isConverted: true, encoding: .utf8)
  }

  func pandoc(_ path: String, from format: String) throws(Failure) -> ExtractedText {
    let text = try run(
      .pandoc,
      ["--from", format, "--to", "gfm-raw_html", "--wrap=none", "--sandbox", "--", path])
    return ExtractedText(
      utf8: text, kind: .markdown, title: TextExtractor.markdownTitle(text), isConverted: true,
      encoding: .utf8)
  }

  private func run(_ tool: Tool, _ arguments: [String]) throws(Failure) -> [UInt8] {
    guard let program = Subprocess.find(tool.name, in: folders) else {
      throw Failure(reason: .needsConverter(tool.advice))
    }
    let result = Subprocess.run(program, arguments, limits: limits)
    switch result {
    case .output(let bytes):
      // A program may print what is not UTF-8; repaired text is better than none.
      let valid = bytes.withUnsafeBytes { UTF8Check.isValid($0) }
      return valid ? bytes : Array(String(decoding: bytes, as: UTF8.self).utf8)
    case .failed(let sentence): throw Failure(reason: .conversionFailed("\(tool.name) \(sentence)"))
    case .hindered(let sentence): throw Failure(reason: .notConverted("\(tool.name) \(sentence)"))
    case .cancelled: throw Failure(reason: .notConverted("\(tool.name) was interrupted"))
    }
  }
}
