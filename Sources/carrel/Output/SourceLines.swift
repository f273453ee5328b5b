import CarrelKit
import FoundationEssentials
import Terminal

/// The lines of a source's file, as `/open` shows them.
package enum SourceLines {
  /// All lines of the file; nil where the passage does not begin at its line: in a file that changed,
  /// and in mail, pages and notebooks, whose text was made from them.
  package static func of(_ file: Data, holding source: Source) -> [String]? {
    // By bytes: CR LF is one Character.
    let lines = file.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      .map { String(decoding: $0.last == 13 ? $0.dropLast() : $0, as: UTF8.self) }
    let first = Sanitizer.clean(source.text).split(separator: "\n").first ?? ""
    let start = max(source.startLine - 1, 0)
    guard start < lines.count,
      lines[start..<min(start + 3, lines.count)].contains(where: {
        Sanitizer.clean($0).contains(first)
      })
    else { return nil }
    return lines
  }
}
