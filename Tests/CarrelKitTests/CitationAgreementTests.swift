import CarrelKit
import Foundation
import Retrieval
import Testing

@Suite("How near in meaning an answer is to its passages")
struct CitationAgreementTests {
  /// A text's vector points where its first letter says: equal letters agree fully, others not at all.
  struct Letters: Embedder {
    let identity = EmbedderIdentity(
      name: "letters", sha256: "", dimension: 26, pooling: "first", prefix: "")
    var fails = false

    func embed(_ texts: [String]) async throws -> [Float] {
      if fails { throw CancellationError() }
      return texts.flatMap { text in
        let letter = text.lowercased().utf8.first { $0 > 32 }.map { Int($0) - 97 } ?? 0
        return (0..<26).map { $0 == letter ? Float(1) : 0 }
      }
    }
  }

  static let sources = [
    source(1, "The lighthouse was built in 1826. It is 54 metres tall."),
    source(2, "Ferries leave at nine from the north pier."),
  ]

  private static func source(_ n: Int, _ text: String) -> Source {
    Source(
      n: n, path: "/d/\(n).md", startLine: 1, endLine: 1, startByte: 0, endByte: 1, text: text)
  }

  private func compared(
    _ answer: String, with embedder: Letters = Letters()
  ) async -> CitationReader.Reading {
    var reading = CitationReader.read(answer, sources: Self.sources)
    let agreement = reading.agreement
    await agreement.write(to: &reading.citations, &reading.check, using: embedder)
    return reading
  }

  @Test("Every citation has a number, whatever the verdict, and the check has the mean of the best")
  func numbers() async {
    let reading = await compared(
      "The lighthouse was built in 1826 [1]. The lighthouse was built in 1926 [1, 2]. "
        + "Moonlight on ferries leaves nobody cold.")
    #expect(reading.citations.map(\.n) == [1, 1, 2])
    #expect(reading.citations.map(\.supported) == [true, false, false])
    // Against source 2, which has none of its words, the sentence is held as a whole.
    #expect(reading.citations.map(\.agreement) == [1, 1, 0])
    #expect(reading.check.claims == 3)
    #expect(reading.check.agreement == 0.667)
  }

  @Test("A mark in brackets is no part of the sentence, and what claims nothing is not compared")
  func marks() async {
    #expect(await compared("[2] Ferries leave at nine from the north pier.").citations.count == 1)
    let chat = await compared("Shall we go on? Sure!")
    #expect(chat.check.claims == 0 && chat.check.agreement == nil)
  }

  @Test("Where the embedder fails, the verdict stands and there is no number")
  func failure() async {
    let answer = "The lighthouse was built in 1826 [1]."
    let reading = await compared(answer, with: Letters(fails: true))
    #expect(reading.citations == CitationReader.read(answer, sources: Self.sources).citations)
    #expect(reading.citations.map(\.supported) == [true] && reading.check.agreement == nil)
  }

  @Test("The number changes no verdict: with it and without it the same is borne out")
  func verdicts() async {
    let answer = "Ferries leave at ten from the north pier [2]. Ferries leave at nine [2]."
    let reading = await compared(answer)
    let plain = CitationReader.read(answer, sources: Self.sources)
    #expect(reading.citations.map(\.supported) == plain.citations.map(\.supported))
    #expect(reading.citations.map(\.score) == plain.citations.map(\.score))
    #expect(reading.check.unmatched == plain.check.unmatched)
  }

  @Test("An answer without an end costs no more than a bounded number of comparisons")
  func bounded() async {
    let answer = (0..<200).map { "Ferries leave at nine from pier \($0) [2]. " }.joined()
    let reading = await compared(answer)
    #expect(reading.citations.count == 200)
    #expect(reading.citations.count { $0.agreement != nil } == 64)
  }

  @Test("Citations kept before there was such a number are read, without it")
  func kept() throws {
    let old = #"""
      {"n":1,"path":"a","startLine":1,"endLine":1,"startByte":0,"endByte":1,"quote":"q",\#
      "supported":true,"score":1,"writtenByModel":true}
      """#
    let citation = try JSONDecoder().decode(Citation.self, from: Data(old.utf8))
    #expect(citation.agreement == nil && citation.supported)
  }
}
