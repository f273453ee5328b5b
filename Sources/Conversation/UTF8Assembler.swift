/// Joins bytes into text: gives the longest valid UTF-8 so far, holds an unfinished scalar back, and
/// writes exactly one U+FFFD for each maximal ill-formed subsequence (Unicode 16, section 3.9), as
/// the reference decoders do. Never stalls: at most three bytes are held.
struct UTF8Assembler: Sendable {
  private var held: [UInt8] = []

  /// Bytes of an unfinished scalar.
  var heldCount: Int { held.count }

  mutating func feed(_ bytes: some Collection<UInt8>) -> String {
    guard !bytes.isEmpty else { return "" }
    held.append(contentsOf: bytes)
    let keep = Self.unfinishedTail(of: held)
    // Swift's repairing decoder replaces maximal subparts, one U+FFFD each.
    let text = String(decoding: held[..<(held.count - keep)], as: UTF8.self)
    held.removeFirst(held.count - keep)
    return text
  }

  /// Takes something that is no text at all, such as an id outside the vocabulary (H49).
  mutating func feedInvalid() -> String {
    finish() + "\u{FFFD}"
  }

  /// Ends the text: an unfinished scalar becomes one U+FFFD.
  mutating func finish() -> String {
    defer { held.removeAll() }
    return held.isEmpty ? "" : "\u{FFFD}"
  }

  /// Length of a tail that more bytes could still complete: a lead byte and its valid followers.
  private static func unfinishedTail(of bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
      let lead = bytes[bytes.count - length]
      if lead & 0xC0 == 0x80 { continue }
      let wanted: Int
      switch lead {
      case 0xC2...0xDF: wanted = 2
      case 0xE0...0xEF: wanted = 3
      case 0xF0...0xF4: wanted = 4
      default: return 0
      }
      guard length < wanted else { return 0 }
      if length >= 2 {
        // The second byte's range depends on the lead (Unicode table 3-7).
        let second = bytes[bytes.count - length + 1]
        switch lead {
        case 0xE0 where second < 0xA0, 0xED where second > 0x9F: return 0
        case 0xF0 where second < 0x90, 0xF4 where second > 0x8F: return 0
        default: break
        }
      }
      return length
    }
    return 0
  }
}
