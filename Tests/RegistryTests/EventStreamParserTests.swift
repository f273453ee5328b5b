import Registry
import Testing

@Suite("Server-sent events")
struct EventStreamParserTests {
  /// The streams of the specification's own examples (WHATWG HTML, 9.2.6), and what it says of them.
  static let examples: [(stream: String, events: [String])] = [
    ("data: YHOO\ndata: +2\ndata: 10\n\n", ["YHOO\n+2\n10"]),
    (
      ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
      ["first event", "second event"]
    ),
    ("data\n\ndata\ndata\n\ndata:", ["", "\n"]),
    ("data:test\n\ndata: test\n\n", ["test", "test"]),
    ("\u{FEFF}data: a\r\rdata: b\r\n\r\ndata: c\n\n", ["a", "b", "c"]),
    ("event: x\nretry: 10\ndatabase: no\n\n", []),
  ]

  @Test("The specification's examples give its events, wherever the bytes are cut")
  func examples() {
    for (stream, events) in Self.examples {
      let bytes = Array(stream.utf8)
      for cut in 0...bytes.count {
        var parser = EventStreamParser()
        let first = parser.feed(bytes[..<cut]) ?? []
        let second = parser.feed(bytes[cut...]) ?? []
        #expect(first + second == events, "cut at \(cut)")
      }
    }
  }

  @Test("An event without end is refused")
  func endless() {
    var parser = EventStreamParser()
    let part = [UInt8](repeating: 0x61, count: 1 << 20)
    var taken = 0
    while taken < 100, parser.feed(part) != nil { taken += 1 }
    #expect(taken == 8)
  }
}
