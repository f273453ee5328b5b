/// When a line is not yet a whole: a `"""` that is still open, or a backslash at the end.
/// The same rules hold at the prompt and for lines read from a pipe.
package enum Continuation {
  private static let fence = "\"\"\""

  /// True when Return should give another line instead of submitting `text`.
  package static func isOpen(_ text: String) -> Bool {
    let trimmed = text.drop { $0 == " " || $0 == "\t" }
    if trimmed.hasPrefix(fence) { return !trimmed.dropFirst(3).contains(fence) }
    return endsInOddBackslashes(text)
  }

  /// Whether a text that begins with this line ends where a fence is closed.
  static func isFenced(_ line: String) -> Bool {
    line.drop { $0 == " " || $0 == "\t" }.hasPrefix(fence)
  }

  /// `isOpen` of a text of several lines that was open before its last one.
  static func isOpen(after line: String, isFenced: Bool) -> Bool {
    isFenced ? !line.contains(fence) : endsInOddBackslashes(line)
  }

  /// What was meant: fences taken off, a backslash before a line break joined as a line break.
  package static func submission(_ text: String) -> String {
    let trimmed = text.drop { $0 == " " || $0 == "\t" }
    if isFenced(text) {
      var body = trimmed.dropFirst(3)
      if let end = body.range(of: fence) {
        let tail = body[end.upperBound...]
        body = body[..<end.lowerBound]
        return trimNewlines(String(body)) + (tail.isEmpty ? "" : String(tail))
      }
      return trimNewlines(String(body))
    }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    for index in lines.indices where endsInOddBackslashes(lines[index]) {
      lines[index].removeLast()
    }
    return lines.joined(separator: "\n")
  }

  private static func endsInOddBackslashes(_ text: String) -> Bool {
    text.reversed().prefix { $0 == "\\" }.count % 2 == 1
  }

  private static func trimNewlines(_ text: String) -> String {
    var slice = text[...]
    while slice.first == "\n" { slice.removeFirst() }
    while slice.last == "\n" { slice.removeLast() }
    return String(slice)
  }
}

extension StringProtocol where SubSequence == Substring {
  /// First occurrence of `needle`, without Foundation.
  func range(of needle: String) -> Range<Index>? {
    let wanted = Array(needle)
    var start = startIndex
    while start < endIndex {
      var index = start
      var matched = 0
      while matched < wanted.count, index < endIndex, self[index] == wanted[matched] {
        index = self.index(after: index)
        matched += 1
      }
      if matched == wanted.count { return start..<index }
      start = self.index(after: start)
    }
    return nil
  }

  func contains(_ needle: String) -> Bool { range(of: needle) != nil }
}
