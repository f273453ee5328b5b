import Testing
import Tokenization

@Suite("Streaming detokenizer")
struct StreamingTests {
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

  private func pieces(_ bytes: [UInt8]) -> [String] {
    var detokenizer = StreamingDetokenizer(Bytes())
    return bytes.map { detokenizer.feed(TokenID($0)) } + [detokenizer.finish()]
  }

  @Test("A scalar over several tokens comes out whole with its last byte")
  func whole() {
    #expect(pieces(Array("a🙂é".utf8)) == ["a", "", "", "", "🙂", "", "é", ""])
  }

  @Test("A broken scalar becomes one U+FFFD when the next character shows it is broken")
  func broken() {
    #expect(pieces([0x20, 0xF0, 0x9F, 0x48, 0x69]) == [" ", "", "", "\u{FFFD}H", "i", ""])
  }

  @Test("A text cut inside a scalar ends in one U+FFFD, and nothing is carried over")
  func cut() {
    var detokenizer = StreamingDetokenizer(Bytes())
    #expect(detokenizer.feed([0x68, 0x69, 0xF0, 0x9F, 0x99].map { TokenID($0) }) == "hi")
    #expect(detokenizer.finish() == "\u{FFFD}")
    #expect(detokenizer.feed(0x82) == "\u{FFFD}")
    #expect(detokenizer.feed(0x41) == "A")
    #expect(detokenizer.finish() == "")
  }

  @Test("A run of invalid bytes is one U+FFFD, whatever kinds of invalid it mixes")
  func run() {
    let invalid: [[UInt8]] = [
      [0xFF], [0x80, 0x80, 0x80], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
      [0xE2, 0x96, 0xF0, 0x9F], [0xF0, 0x80], [0xE0, 0x80, 0x80], [0xC3, 0xC3, 0xFE],
    ]
    for bytes in invalid {
      #expect(Bytes().decode(([0x61] + bytes + [0x62]).map { TokenID($0) }) == "a\u{FFFD}b")
    }
  }

  @Test("An id outside the vocabulary is an invalid byte, a control token is nothing")
  func outside() {
    #expect(Bytes().decode([0x61, -1, 999, 0x62, 256, 0x63]) == "a\u{FFFD}bc")
  }

  @Test("However tokens are grouped, the strings join to what decode gives")
  func grouping() {
    var dice = Dice(7)
    for _ in 0..<3000 {
      let ids = dice.bytes(upTo: 60).map { TokenID($0) }
      let whole = Bytes().decode(ids)
      var detokenizer = StreamingDetokenizer(Bytes())
      var text = ""
      var rest = ids[...]
      while !rest.isEmpty {
        let count = Int.random(in: 1...5, using: &dice)
        text += detokenizer.feed(rest.prefix(count))
        rest = rest.dropFirst(count)
      }
      text += detokenizer.finish()
      #expect(Array(text.utf8) == Array(whole.utf8))
      #expect(!whole.contains("\u{FFFD}\u{FFFD}"))
    }
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
