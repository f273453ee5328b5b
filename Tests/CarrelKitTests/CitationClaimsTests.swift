import Foundation
import Testing

import CarrelKit

/// The claims of Fixtures/claims: true and false ones planted in real passages.
@Suite("The citation check, measured")
struct CitationClaimsTests {
  struct Row: Decodable {
    struct Claim: Decodable {
      let kind: String
      let `true`: Bool
      let text: String
    }
    let passage: String
    let claims: [Claim]
  }

  struct Tally {
    var right = 0
    var count = 0
    var share: Double { count == 0 ? 0 : Double(right) / Double(count) }
  }

  /// The sides of a comparison or an action exchanged: every word is there. Counted by itself.
  static let hard: Set = ["exchanged"]

  static func rows(_ name: String) throws -> [Row] {
    let url = try #require(
      Bundle.module.url(forResource: "Fixtures/claims/" + name, withExtension: "jsonl"))
    return try String(contentsOf: url, encoding: .utf8).split(separator: "\n")
      .map { try JSONDecoder().decode(Row.self, from: Data($0.utf8)) }
  }

  static func measure(_ rows: [Row]) -> [String: Tally] {
    var tallies: [String: Tally] = [:]
    for row in rows {
      let passage = CitedPassage(row.passage)
      for claim in row.claims {
        let verdict = CitationCheck.check(claim: claim.text, passage: passage)
        tallies[claim.kind, default: Tally()].count += 1
        if verdict.supported == claim.true { tallies[claim.kind, default: Tally()].right += 1 }
      }
    }
    return tallies
  }

  static func table(_ name: String, _ tallies: [String: Tally]) -> String {
    let rows = tallies.sorted { $0.key < $1.key }.map { kind, tally in
      "  \(kind): \(tally.right) of \(tally.count)"
    }
    return (["citation check, \(name):"] + rows).joined(separator: "\n")
  }

  @Test(
    "Is right about more than 90 % of planted claims, true ones and false ones",
    arguments: ["development", "held-out"])
  func planted(name: String) throws {
    let rows = try Self.rows(name)
    let truth = Dictionary(
      rows.flatMap(\.claims).map { ($0.kind, $0.true) }, uniquingKeysWith: { a, _ in a })
    let tallies = Self.measure(rows)
    print(Self.table(name, tallies))
    for isTrue in [true, false] {
      var sum = Tally()
      for (kind, tally) in tallies where truth[kind] == isTrue && !Self.hard.contains(kind) {
        sum.right += tally.right
        sum.count += tally.count
      }
      #expect(sum.count >= 200)
      #expect(sum.share > 0.95, "\(isTrue) claims: \(sum.right) of \(sum.count)")
    }
    for (kind, tally) in tallies {
      #expect(tally.share >= (Self.hard.contains(kind) ? 0.5 : 0.9), "\(kind): \(tally.share)")
    }
  }

  /// Known to be weak: written freely and with care to mislead, these need understanding. The floors
  /// are what holds today, so that a change for the worse is seen.
  @Test(
    "Does no worse than it did on freely written claims",
    arguments: [("written", 17, 14), ("written-2", 8, 22)])
  func written(name: String, floor: Int, falseFloor: Int) throws {
    let passages = try Self.rows("held-out").map(\.passage)
    let rows = try Self.rows(name).map { row in
      let passage = try #require(passages.first { $0.hasPrefix(row.passage) })
      return Row(passage: passage, claims: row.claims)
    }
    let tallies = Self.measure(rows)
    print(Self.table(name, tallies))
    #expect(tallies["free"]?.right ?? 0 >= floor)
    #expect(tallies["free, false"]?.right ?? 0 >= falseFloor)
  }

  @Test(
    "Keeps names with signs, versions and units whole",
    arguments: [
      ("The tool is written in C.", "The tool is written in C#.", false),
      ("The tool is written in C++.", "The tool is written in C#.", false),
      ("The tool is written in C#.", "The tool is written in C#, on .NET 8.", true),
      ("The tool is written on .NET 8.", "The tool is written in C#, on .NET 8.", true),
      ("Set max_tokens to 512.", "Set max_length to 512 tokens at most.", false),
      ("It needs v1.2 of the driver.", "The driver has to be v1.3 or newer.", false),
      ("50 percent of the files are skipped.", "50% of the files are skipped.", true),
      ("50 % of the files are skipped.", "50 MB of the files are skipped.", false),
      ("It takes 5 seconds.", "It takes 5 ms.", false),
      ("It takes 5 milliseconds.", "It takes 5 ms.", true),
      ("It holds 1000 files.", "It holds 1,000 files.", true),
      ("It has three parts.", "It has 3 parts.", true),
      ("Doses of 4 mg were given.", "Doses of 2, 4 and 8 mg were given.", true),
    ])
  func names(claim: String, passage: String, isSupported: Bool) {
    #expect(CitationCheck.check(claim: claim, passage: passage).supported == isSupported)
  }

  @Test(
    "Reads negation by clause, opposites, and who does what to whom",
    arguments: [
      ("The cache is not shared.", "The cache is shared by all users.", false),
      ("The cache is shared by all users.", "The cache is not shared by all users.", false),
      ("The cache isn't shared.", "The cache is not shared by users.", true),
      ("The cache is shared.", "The cache is shared, but the index is not locked.", true),
      ("The index is locked.", "The cache is shared, but the index is not locked.", false),
      ("The load increases at night.", "The load decreases at night.", false),
      ("The format is stable.", "The format is unstable.", false),
      ("Cats are faster than dogs.", "Dogs are faster than cats.", false),
      ("Insulin inhibits lipase.", "Lipase inhibits insulin.", false),
      ("Insulin is inhibited by lipase.", "Lipase inhibits insulin.", true),
      ("The writer holds the lock.", "The reader holds the lock.", false),
    ])
  func meaning(claim: String, passage: String, isSupported: Bool) {
    #expect(CitationCheck.check(claim: claim, passage: passage).supported == isSupported)
  }

  @Test("Takes a sentence of the passage at its word, wherever it stands")
  func verbatim() throws {
    for row in try Self.rows("held-out") {
      for range in SentenceSplitter.sentences(row.passage) {
        let sentence = row.passage[range]
        guard sentence.contains(where: \.isLetter) else { continue }
        let verdict = CitationCheck.check(claim: sentence, passage: row.passage)
        #expect(verdict.supported, "\(sentence)")
      }
    }
  }

  @Test("Takes time in proportion to a long claim, and to a long passage", .timeLimit(.minutes(1)))
  func long() {
    let words = (0..<500).map { "word\($0 % 97) increased not 5 mg" }.joined(separator: " ")
    let passage = (0..<500).map { "Word\($0) decreased by \($0) mg." }.joined(separator: " ")
    #expect(!CitationCheck.check(claim: words, passage: passage).supported)
  }
}
