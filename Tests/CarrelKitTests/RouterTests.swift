import CarrelKit
import Foundation
import Testing

@Suite("Router")
struct RouterTests {
  struct Case: Decodable {
    var category: String
    var question: String
    var want: String
    var tokenBudget: Int?
    var contextTokens: Int?
    var installed: [String]?
    var fits: [String]?
    var loaded: [String]?

    func decide() -> RouteDecision {
      let ids = ["small": "smollm2-135m-instruct", "large": "gpt-oss-20b"]
      let router = Router(
        (installed ?? ["small", "large"]).map { size in
          Router.Candidate(
            id: ids[size]!, aliases: [size == "small" ? "smollm2" : "gpt-oss"],
            rank: size == "small" ? 10 : 100,
            weightBytes: size == "small" ? 98_000_000 : 12_000_000_000,
            fits: fits?.contains(size) ?? true, isReady: (loaded ?? ["small"]).contains(size))
        })
      return router.decide(
        question, tokenBudget: tokenBudget, contextTokens: contextTokens ?? 0)
    }

    var wanted: String? {
      ["small": "smollm2-135m-instruct", "large": "gpt-oss-20b"][want]
    }
  }

  static func cases(_ name: String) throws -> [Case] {
    let url = try #require(
      Bundle.module.url(forResource: "Fixtures/" + name, withExtension: "jsonl"))
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map {
      try JSONDecoder().decode(Case.self, from: Data($0.utf8))
    }
  }

  @Test(
    "Of the golden cases, more than 95 % go where they should",
    arguments: ["router-cases", "router-cases-2", "router-cases-3", "router-cases-4"])
  func golden(file: String) throws {
    let cases = try Self.cases(file)
    #expect(cases.count >= 120)
    let wrong = cases.filter { $0.decide().choice != $0.wanted }
    #expect(
      wrong.count * 20 < cases.count,
      "\(wrong.map { "\($0.category): \($0.question) -> \($0.decide().reason)" })")
  }

  @Test("A meta question never wakes the large model")
  func meta() throws {
    for file in ["router-cases", "router-cases-2", "router-cases-3", "router-cases-4"] {
      for one in try Self.cases(file) where one.category == "meta" {
        #expect(one.decide().choice == one.wanted, "\(one.question)")
      }
    }
  }
}
