/// Guesses how many WordPiece tokens a text has, at a gigabyte a second.
///
/// Measured against all-MiniLM-L6-v2 on 700-byte pieces of prose, Markdown, Python, C and Swift: the
/// true count is 0.86 to 1.07 times the guess in the median, at most 1.33 times in 99 of 100. Passages
/// cut at 210 by this guess therefore nearly always fit the 254 tokens that the model reads beside its
/// own two.
package enum TokenEstimate {
  /// - Parameter utf8: any bytes.
  package static func count(_ utf8: UnsafeRawBufferPointer) -> Int {
    var tokens = 0
    var letters = 0
    var digits = 0
    for byte in utf8 {
      switch classes[Int(byte)] {
      case .letter:
        letters += 1
        if digits > 0 {
          tokens += (digits + 2) / 3
          digits = 0
        }
      case .digit:
        digits += 1
        if letters > 0 {
          tokens += wordTokens(letters)
          letters = 0
        }
      case let other:
        if letters > 0 {
          tokens += wordTokens(letters)
          letters = 0
        }
        if digits > 0 {
          tokens += (digits + 2) / 3
          digits = 0
        }
        if other == .symbol { tokens += 1 }
      }
    }
    return tokens + wordTokens(letters) + (digits + 2) / 3
  }

  /// Tokens of a run of letters: most words of up to seven letters are one piece.
  private static func wordTokens(_ letters: Int) -> Int {
    letters == 0 ? 0 : letters <= 7 ? 1 : (letters + 3) / 5
  }

  private enum ByteClass: UInt8 {
    case letter, digit, symbol, space
    /// Later bytes of a non-ASCII character: counted with the first.
    case continuation
  }

  private static let classes: [ByteClass] = (0...255).map { byte in
    switch UInt8(byte) {
    case 65...90, 97...122, 0xc3, 0xc4, 0xc5: .letter
    case 48...57: .digit
    case 0...32, 127: .space
    case 0x80...0xbf: .continuation
    default: .symbol
    }
  }
}
