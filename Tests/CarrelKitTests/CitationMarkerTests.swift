import CarrelKit
import Testing

@Suite("Citations marked while they come")
struct CitationMarkerTests {
  static let sources = [
    source(1, "The lighthouse was built in 1826 and is 54 metres tall."),
    source(2, "The ferry leaves at nine in the morning from the north pier."),
  ]

  private static func source(_ n: Int, _ text: String) -> Source {
    Source(
      n: n, path: "/d/\(n).md", startLine: 1, endLine: 1, startByte: 0, endByte: 1, text: text)
  }

  @Test(
    "A number its source does not bear out gets a question mark",
    arguments: [
      ("The lighthouse is 54 metres tall [1].", "The lighthouse is 54 metres tall [1]."),
      ("The lighthouse is 55 metres tall [1].", "The lighthouse is 55 metres tall [1?]."),
      ("The lighthouse is 54 metres tall. [2]", "The lighthouse is 54 metres tall. [2?]"),
      (
        "The lighthouse is 54 metres tall [1, 2]. More.",
        "The lighthouse is 54 metres tall [1, 2?]. More."
      ),
      ("The ferry leaves at nine [7].", "The ferry leaves at nine [7?]."),
      (
        "See [this](x) and [a]. The ferry leaves at nine [2]",
        "See [this](x) and [a]. The ferry leaves at nine [2]"
      ),
      (
        "Call `row[1]` first.\n```\nlist[1] = 2\n```\nEnd.",
        "Call `row[1]` first.\n```\nlist[1] = 2\n```\nEnd."
      ),
      ("An open bracket [1", "An open bracket [1"), ("", ""), ("[", "["),
    ])
  func marks(text: String, expected: String) {
    #expect(CitationMarker.marked(text, sources: Self.sources) == expected)
  }

  @Test("However the text is cut, the same comes out, and nothing but question marks is added")
  func anyCut() {
    let pieces = [
      "The lighthouse is 54 metres tall", "The ferry leaves at nine", " [1]", " [2]", "[1, 2]", ".",
      " ", "\n", "\n\n- ", "[", "]", "`", "```\n", "1", "3.14", "e.g. ", "! ", "日本。", "[12",
    ]
    var state: UInt64 = 7
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    for _ in 0..<1_500 {
      let text = (0..<12).map { _ in pieces[next(pieces.count)] }.joined()
      let whole = CitationMarker.marked(text, sources: Self.sources)
      #expect(whole.filter { $0 != "?" && $0 != " " } == text.filter { $0 != "?" && $0 != " " })
      var marker = CitationMarker(sources: Self.sources)
      var output = ""
      var rest = text[...]
      while !rest.isEmpty {
        let piece = rest.prefix(1 + next(5))
        rest = rest.dropFirst(piece.count)
        output += marker.feed(String(piece))
      }
      output += marker.finish()
      if output != whole {
        Issue.record(
          "\(text.debugDescription): \(output.debugDescription), \(whole.debugDescription)")
        return
      }
    }
  }

  @Test("A sentence without a number is shown as it comes")
  func immediate() {
    var marker = CitationMarker(sources: Self.sources)
    #expect(marker.feed("The ferry ") == "The ferry ")
    #expect(marker.feed("leaves at nine [") == "leaves at nine ")
    #expect(marker.feed("2") == "")
    #expect(marker.feed("].") == "")
    #expect(marker.feed(" Then") == "[2]. Then")
  }
}
