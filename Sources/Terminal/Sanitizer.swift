/// Text from documents, models and file names is untrusted: it may carry escape sequences that
/// retitle the window, move the cursor, write to the clipboard or reorder what is read. Everything
/// that is printed and was not written by this program passes through here.
package enum Sanitizer {
  /// Text that is safe to write to a terminal: newline and tab stay, a carriage return before a
  /// newline goes, other C0 controls and DEL become their visible pictures (`␛` for escape), C1
  /// controls become U+FFFD, and the bidirectional overrides, which can make text read differently
  /// from what it is, are removed.
  package static func clean(_ text: some StringProtocol) -> String {
    if text.utf8.allSatisfy({ ($0 >= 0x20 && $0 < 0x7F) || $0 == 0x0A || $0 == 0x09 }) {
      return String(text)
    }
    var result = String.UnicodeScalarView()
    var pendingReturn = false
    for scalar in text.unicodeScalars {
      if pendingReturn {
        pendingReturn = false
        if scalar != "\n" { result.append("\u{240D}") }
      }
      switch scalar.value {
      case 0x0A, 0x09: result.append(scalar)
      case 0x0D: pendingReturn = true
      case 0x00..<0x20:
        if let picture = Unicode.Scalar(0x2400 + scalar.value) { result.append(picture) }
      case 0x7F: result.append("\u{2421}")
      case 0x80...0x9F: result.append("\u{FFFD}")
      case 0x202A...0x202E, 0x2066...0x2069, 0x200E, 0x200F, 0x61C: continue
      default: result.append(scalar)
      }
    }
    if pendingReturn { result.append("\n") }
    return String(result)
  }

  /// `clean`, with line breaks and tabs made spaces: for names and anything meant for one line.
  package static func line(_ text: some StringProtocol) -> String {
    String(clean(text).map { $0 == "\n" || $0 == "\t" ? " " : $0 })
  }
}
