/// Reads PDF through `pdftotext` and office and book formats through `pandoc`, where installed.
package struct Converters: Sendable {
  package struct Failure: Error {
    let reason: SkipReason
  }

  /// Folders searched for programs.
  var folders: [String]
  /// Seconds a program may run for one file.
  package var timeLimit = 60.0
  /// Bytes of text taken from one file; the rest is cut off by ending the program.
  package var outputLimit = 64 << 20

  package init() {
    folders = (Subprocess.environment("PATH") ?? "/usr/bin:/bin").split(separator: ":")
      .map(String.init)
  }

  package init(folders: [String]) { self.folders = folders }

  func pdf(_ path: String) throws(Failure) -> ExtractedText {
    let text = try run(
      "pdftotext", ["-q", "-enc", "UTF-8", "--", path, "-"],
      install: "pdftotext to read PDF files (install poppler-utils)", path)
    return ExtractedText(
      utf8: text, kind: .text, title: "", isConverted: true, encoding: .utf8)
  }

  func pandoc(_ path: String, from format: String) throws(Failure) -> ExtractedText {
    let text = try run(
      "pandoc", ["--from", format, "--to", "gfm-raw_html", "--wrap=none", "--sandbox", "--", path],
      install: "pandoc to read office and e-book files (install pandoc)", path)
    return ExtractedText(
      utf8: text, kind: .markdown, title: TextExtractor.markdownTitle(text), isConverted: true,
      encoding: .utf8)
  }

  private func run(
    _ name: String, _ arguments: [String], install: String, _ path: String
  ) throws(Failure) -> [UInt8] {
    guard let program = Subprocess.find(name, in: folders) else {
      throw Failure(reason: .needsConverter(install))
    }
    let result = Subprocess.run(
      program, arguments, timeLimit: timeLimit, outputLimit: outputLimit)
    switch result {
    case .output(let bytes):
      // A program may print what is not UTF-8; repaired text is better than none.
      let valid = bytes.withUnsafeBytes { UTF8Check.isValid($0) }
      return valid ? bytes : Array(String(decoding: bytes, as: UTF8.self).utf8)
    case .failed(let sentence): throw Failure(reason: .conversionFailed("\(name) \(sentence)"))
    case .cancelled: throw Failure(reason: .conversionFailed("\(name) was interrupted"))
    }
  }
}
