import Testing
import Tokenization

@Suite("Text of tokens")
struct DecodingTests {
  /// One token per byte, ids = bytes; 256 is a control token.
  private struct Bytes: Tokenizer {
    var vocabularySize: Int { 257 }
    func encode(_ utf8: UnsafeBufferPointer<UInt8>, special: SpecialTokens) -> [TokenID] {
      utf8.map { TokenID($0) }
    }
    func bytes(of id: TokenID) -> [UInt8] { id >= 0 && id < 256 ? [UInt8(id)] : [] }
    func name(of id: TokenID) -> String { "\(id)" }
    func isControl(_ id: TokenID) -> Bool { id == 256 }
    func id(named name: String) -> TokenID? { nil }
    var bos: TokenID? { nil }
    var eos: TokenID? { nil }
    var addsBOS: Bool { false }
    var addsEOS: Bool { false }
  }

  @Test("Each maximal ill-formed part of a text is one U+FFFD, as Python's replacement gives it")
  func illFormed() {
    let parts: [([UInt8], Int)] = [
      ([0xFF], 1), ([0x80, 0x80, 0x80], 3), ([0xC0, 0xAF], 2), ([0xED, 0xA0, 0x80], 3),
      ([0xF4, 0x90, 0x80, 0x80], 4), ([0xE2, 0x96, 0xF0, 0x9F], 2), ([0xF0, 0x80], 2),
      ([0xF0, 0x9F, 0x99], 1), ([0xE0, 0x80, 0x80], 3), ([0xC3, 0xC3, 0xFE], 3),
    ]
    for (bytes, count) in parts {
      let marks = String(repeating: "\u{FFFD}", count: count)
      #expect(Bytes().decode(([0x61] + bytes + [0x62]).map { TokenID($0) }) == "a\(marks)b")
      #expect(Bytes().decode(([0x61] + bytes).map { TokenID($0) }) == "a\(marks)")
    }
  }

  @Test("An id outside the vocabulary is one U+FFFD, a control token is nothing")
  func outside() {
    #expect(Bytes().decode([0x61, -1, 999, 0x62, 256, 0x63]) == "a\u{FFFD}\u{FFFD}bc")
  }

  @Test("Valid text passes unchanged")
  func valid() {
    var dice = Dice(8)
    for _ in 0..<500 {
      let text = String(decoding: dice.bytes(upTo: 80), as: UTF8.self)
        .replacing("\u{FFFD}", with: "?")
      #expect(Bytes().decode(Bytes().encode(text)) == text)
    }
  }
}
