import Testing

import Terminal

@Suite("Key decoder")
struct KeyDecoderTests {
  static let table: [(String, [Key])] = [
    ("abc", [.text("abc")]),
    ("é日👩‍👩‍👧", [.text("é日👩‍👩‍👧")]),
    ("\r", [.enter]), ("\n", [.enter]), ("\t", [.tab]), ("\u{7F}", [.backspace]),
    ("\u{01}\u{05}", [.control("a"), .control("e")]),
    ("\u{1F}", [.control("_")]),
    ("\u{1B}[A\u{1B}[B\u{1B}[C\u{1B}[D", [.up, .down, .right, .left]),
    ("\u{1B}OA\u{1B}OH\u{1B}OF", [.up, .home, .end]),
    ("\u{1B}[H\u{1B}[F\u{1B}[1~\u{1B}[4~", [.home, .end, .home, .end]),
    ("\u{1B}[3~\u{1B}[5~\u{1B}[6~", [.delete, .pageUp, .pageDown]),
    ("\u{1B}[1;5C\u{1B}[1;3D", [.wordRight, .wordLeft]),
    ("\u{1B}b\u{1B}f\u{1B}\u{7F}", [.meta("b"), .meta("f"), .metaBackspace]),
    ("\u{1B}\r", [.newline]), ("\u{1B}[13;2u", [.newline]), ("\u{1B}[13u", [.enter]),
    ("\u{1B}[99;5u", [.control("c")]),
    // Numbers no terminal sends.
    ("\u{1B}[97;-9223372036854775808u", [.text("a")]),
    ("\u{1B}[97;9223372036854775807u\u{1B}[1;-9223372036854775808C", [.control("a"), .right]),
    ("\u{1B}[Z", [.backTab]),
    (
      "\u{1B}[200~one\r\ntwo\rthree\u{1B}[Aend\u{1B}[201~x",
      [
        .paste("one\ntwo\nthree\u{1B}[Aend"), .text("x"),
      ]
    ),
    ("\u{1B}[19;2~a", [.unknown, .text("a")]),
    ("a\u{1B}[1;2;3;4Pb", [.text("a"), .unknown, .text("b")]),
  ]

  @Test("Decodes the keys terminals send", arguments: table)
  func keys(input: String, expected: [Key]) {
    var decoder = KeyDecoder()
    #expect(decoder.feed(input.utf8) + decoder.flush() == expected)
  }

  @Test("Gives the same keys however the bytes are split", arguments: table)
  func splits(input: String, expected: [Key]) {
    var decoder = KeyDecoder()
    var keys: [Key] = []
    for byte in input.utf8 { keys += decoder.feed([byte]) }
    keys += decoder.flush()
    var joined: [Key] = []
    for key in keys {
      if case .text(let more) = key, case .text(let text)? = joined.last {
        joined[joined.count - 1] = .text(text + more)
      } else {
        joined.append(key)
      }
    }
    #expect(joined == expected)
  }

  @Test("A lone escape becomes a key when nothing follows")
  func loneEscape() {
    var decoder = KeyDecoder()
    #expect(decoder.feed([0x1B]) == [])
    #expect(decoder.isPending)
    #expect(decoder.flush() == [.escape])
    #expect(!decoder.isPending)
  }

  @Test("Malformed UTF-8 gives one replacement character per maximal invalid part")
  func malformed() {
    let cases: [([UInt8], String)] = [
      ([0xFF, 0x61], "\u{FFFD}a"), ([0xC3, 0x61], "\u{FFFD}a"), ([0xE2, 0x82, 0x61], "\u{FFFD}a"),
      ([0xF0, 0x9F, 0x98], "\u{FFFD}"), ([0xC0, 0x80], "\u{FFFD}\u{FFFD}"),
      ([0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"),
      ([0xF4, 0x90, 0x80, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    ]
    for (bytes, text) in cases {
      var decoder = KeyDecoder()
      let keys = decoder.feed(bytes) + decoder.flush()
      let shown = keys.map { if case .text(let part) = $0 { part } else { "?" } }.joined()
      #expect(shown == text, "\(bytes)")
      #expect(shown == String(decoding: bytes, as: UTF8.self), "\(bytes)")
    }
  }

  @Test("Random bytes never trap and never leave the decoder stuck")
  func randomBytes() {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<2000 {
      var decoder = KeyDecoder()
      let bytes = (0..<40).map { _ -> UInt8 in
        Bool.random(using: &generator)
          ? UInt8.random(in: 0...255, using: &generator)
          : [0x1B, 0x5B, 0x4F, 0x3B, 0x31, 0x7E].randomElement(using: &generator) ?? 0x1B
      }
      _ = decoder.feed(bytes)
      _ = decoder.flush()
      _ = decoder.feed("\u{1B}[201~".utf8)
      _ = decoder.flush()
      #expect(decoder.feed("z".utf8) == [.text("z")])
    }
  }
}
