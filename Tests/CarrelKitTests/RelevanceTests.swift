import CarrelKit
import Testing

@Suite("Which passages are worth showing to a model")
struct RelevanceTests {
  private func hit(_ text: String, cosine: Double) -> SearchReport.Hit {
    SearchReport.Hit(
      rank: 1, path: "codes.txt", lines: 1...1, bytes: 0..<text.utf8.count, score: 1,
      lexicalRank: 1, semanticRank: nil, cosine: cosine, text: text)
  }

  @Test(
    "A passage unlike the question passes with every telling word of it, however politely asked",
    arguments: [
      ("E1047", true), ("What does E1047 mean?", true),
      ("Hello, could you please tell me what E1047 is? Thanks in advance!", true),
      ("Hello, could you please tell me what E1048 is?", false),
    ])
  func courtesy(question: String, passes: Bool) {
    let hits = [hit("E1047: the mean pressure is too high.", cosine: 0.05)]
    #expect(Relevance.passing(hits, question: question).isEmpty == !passes)
  }
}
