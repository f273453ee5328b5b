import Testing

import CarrelKit

@Suite("Citations")
struct CitationTests {
  static let passage = """
    The index is one SQLite database in WAL mode. Each file is written in one transaction. \
    Vectors have 384 dimensions and are stored beside the text. A different embedder is not \
    accepted: the index has to be rebuilt.
    """
  static let source = Source(
    n: 1, path: "docs/index.md", startLine: 3, endLine: 6, startByte: 40, endByte: 280,
    text: passage)

  @Test("Reads single, listed and adjacent marks, and nothing else in brackets")
  func marks() {
    let text = "One [1]. Two [2, 3][4]. Array a[i], [x], [], [1a], [1234], [5 , 6]."
    #expect(CitationMark.all(in: text).map(\.numbers) == [[1], [2, 3], [4], [5, 6]])
    #expect(CitationMark.removing(from: "It is so [1][2]. Yes [3].") == "It is so. Yes.")
  }

  @Test("A line that only announces a list is no claim that a passage bears out")
  func announcements() {
    let announced = "The dimensions of the vectors stored:\n- purple\n- 12 elephants"
    let found = CitationReader.read(announced, sources: [Self.source])
    #expect(found.citations.isEmpty)
    #expect(CitationReader.doubts(about: announced, found).count == 1)
    let said = "Vectors have 384 dimensions."
    #expect(CitationReader.read(said, sources: [Self.source]).citations.map(\.supported) == [true])
  }

  @Test(
    "Splits sentences at full stops, blank lines and list items, not inside numbers or names",
    arguments: [
      ("One. Two! Three?", 3),
      ("Version 3.14 is out. See README.md for more.", 2),
      ("First line\nstill first.\n\nNew paragraph", 2),
      ("Items:\n- one\n- two", 3),
      ("First line\r\nstill first.\r\n\r\nNew paragraph", 2),
      ("Items:\r\n- one\r\n- two", 3),
      ("He said \"stop.\" Then left.", 2),
      ("一。二！三", 3),
      ("", 0),
      ("   \n\n ", 0),
      ("Claim one [1]. Claim two. [2] Claim three", 3),
    ])
  func sentences(text: String, count: Int) {
    #expect(SentenceSplitter.sentences(text).count == count)
  }

  @Test("A mark after the full stop belongs to the sentence before it")
  func markAfterStop() {
    let text = "It uses WAL. [1] Vectors are stored [2]."
    let parts = SentenceSplitter.sentences(text).map { String(text[$0]) }
    #expect(parts.first == "It uses WAL. [1]")
  }

  @Test(
    "Supports what the passage says",
    arguments: [
      "The index is a single SQLite database in WAL mode.",
      "Every file is written in one transaction.",
      "The vectors have 384 dimensions.",
      "Vectors are stored beside the text [1].",
    ])
  func supported(claim: String) {
    #expect(CitationCheck.check(claim: claim, passage: Self.passage).supported)
  }

  @Test(
    "Does not support changed numbers, negations or other matters",
    arguments: [
      "The vectors have 768 dimensions.",
      "The index is not a SQLite database in WAL mode.",
      "A different embedder is accepted without rebuilding the index.",
      "The program downloads weights from a server in the cloud.",
      "",
    ])
  func unsupported(claim: String) {
    #expect(!CitationCheck.check(claim: claim, passage: Self.passage).supported)
  }

  @Test("Quotes the sentence that carries the claim")
  func quote() {
    let verdict = CitationCheck.check(claim: "Vectors have 384 dimensions.", passage: Self.passage)
    #expect(verdict.quote == "Vectors have 384 dimensions and are stored beside the text.")
  }

  @Test("Drops unknown numbers, checks known ones, and matches uncited sentences")
  func reading() {
    let answer =
      "The index is one SQLite database in WAL mode [1]. Vectors have 999 dimensions [1]. "
      + "Each file is written in one transaction. The moon is far away [7]."
    let reading = CitationReader.read(answer, sources: [Self.source])
    let (citations, unknown) = (reading.citations, reading.unknown)
    #expect(unknown == 1)
    #expect(citations.map(\.supported) == [true, false, true])
    #expect(citations.map(\.writtenByModel) == [true, true, false])
    #expect(citations.allSatisfy { $0.path == "docs/index.md" && $0.startLine == 3 })
  }

  @Test("Takes linear time on long hostile answers")
  func hostile() {
    let answer = String(repeating: "[", count: 20_000) + String(repeating: "a. [1", count: 5_000)
    #expect(CitationReader.read(answer, sources: [Self.source]).unknown == 0)
  }
}

@Suite("Doubts about answers")
struct DoubtTests {
  static func doubts(_ answer: String) -> [String] {
    CitationReader.doubts(
      about: answer, CitationReader.read(answer, sources: [CitationTests.source]))
  }

  @Test("Says so when nothing in the answer can be matched to a passage")
  func nothing() {
    let answer = "The moon orbits the earth once a month."
    #expect(Self.doubts(answer).count == 1)
  }

  @Test("Counts cited sentences that the source does not bear out")
  func failed() {
    let answer =
      "The index is one SQLite database in WAL mode [1]. Vectors have 999 dimensions [1]."
    #expect(Self.doubts(answer) == ["1 cited sentence is not borne out by the source."])
    let both = answer + " The moon orbits the earth once a month."
    #expect(
      Self.doubts(both)
        == ["2 of 3 sentences could not be matched to a passage: trust the sources there."])
  }

  @Test("Says how many sentences have no passage once that is half of them, and which")
  func half() {
    let said = "Each file is written in one transaction."
    let free = "The moon orbits the earth once a month."
    let dust = "Its dark\nplains are\nbasalt."
    let note = "sentences could not be matched to a passage: trust the sources there."
    #expect(Self.doubts("\(said) \(free)") == ["1 of 2 " + note])
    #expect(Self.doubts("\(said) \(free) \(dust)") == ["2 of 3 " + note])
    #expect(Self.doubts("\(said) Vectors have 384 dimensions. \(free)").isEmpty)
    // What claims nothing does not count.
    let chat = "Sure! Here is what I found:\n\n\(said) I hope this helps. Shall the moon be next?"
    #expect(Self.doubts(chat).isEmpty)
    #expect(Self.doubts("\(said)\n\n```\nlet moon = orbit(earth, month)\nprint(moon)\n```").isEmpty)
    let check = CitationReader.read(
      "\(chat) \(free) \(dust)", sources: [CitationTests.source]
    ).check
    #expect(check.claims == 3 && check.miscited == 0)
    #expect(check.unmatched == [free, "Its dark plains are basalt."])
    // One of two numbers that holds is enough for the sentence, not for the number.
    let two = CitationReader.read(
      "\(said.dropLast()) [1][2].",
      sources: [
        CitationTests.source,
        Source(n: 2, path: "b", startLine: 1, endLine: 1, startByte: 0, endByte: 1, text: free),
      ])
    #expect(two.check.unmatched.isEmpty && two.check.miscited == 1 && two.check.claims == 1)
  }

  @Test("Has no doubts about a faithful answer, nor about an empty one")
  func none() {
    let answer = "Each file is written in one transaction."
    #expect(Self.doubts(answer).isEmpty)
    #expect(Self.doubts(" \n").isEmpty)
  }

  @Test("Quotes the sentence nearest to the question, with its number")
  func nearest() {
    let found = CitationReader.nearest(
      to: "How many dimensions do vectors have?", in: [CitationTests.source])
    #expect(
      found == "[1] “Vectors have 384 dimensions and are stored beside the text.”")
    #expect(CitationReader.nearest(to: "xyzzy", in: [CitationTests.source]) == nil)
  }
}
