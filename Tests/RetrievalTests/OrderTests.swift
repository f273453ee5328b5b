import Glibc
import Retrieval
import TestSupport
import Testing

/// What a search answers depends on what is indexed, not on when each file was.
@Suite("The order of equals")
struct OrderTests {
  private static let words = ["apple", "engine", "tide", "gate", "memory", "token"]

  /// Short texts of few words: very many score alike.
  private static func text(_ random: inout Seeded) -> String {
    (0..<Int.random(in: 1...4, using: &random)).map { _ in
      (0..<Int.random(in: 1...3, using: &random)).map { _ in words.randomElement(using: &random)! }
        .joined(separator: " ")
    }.joined(separator: "\n\n")
  }

  private func answers(_ index: DocumentIndex) async throws -> [String] {
    let search = try SearchService(index: index, embedder: WordEmbedder())
    var all: [String] = []
    let questions = [
      "apple", "tide gate", "engine memory token", "nothing here", "apple apple tide",
    ]
    for question in questions {
      for mode in SearchMode.allCases {
        for limit in [1, 7, 60, 400] {
          for hit in try await search.search(question, limit: limit, mode: mode) {
            all.append(
              "\(question) \(mode) \(limit) \(hit.rank) \(hit.score) \(hit.path) \(hit.startByte)")
          }
        }
      }
    }
    return all
  }

  @Test("Files indexed in any order, changed and changed back, are found in the same order")
  func anyOrder() async throws {
    for seed in 0..<UInt64(isSoak ? 40 : 3) {
      var random = Seeded(seed + 90)
      let documents = TemporaryFolder()
      let home = TemporaryFolder()
      let texts = (0..<Int.random(in: 150...400, using: &random)).map { number in
        (name: "d\(number % 7)/f\(number).md", text: Self.text(&random))
      }
      let shuffled = try DocumentIndex.open(folder: home.path + "/shuffled")
      func add(_ part: some Sequence<(name: String, text: String)>) async throws {
        for file in part { documents.write(file.name, file.text) }
        _ = try await shuffled.add([documents.path], embedder: WordEmbedder()).summary()
      }
      let order = texts.shuffled(using: &random)
      for first in stride(from: 0, to: order.count, by: 60) {
        try await add(order[first..<min(first + 60, order.count)])
      }
      let some = order.shuffled(using: &random).prefix(20)
      try await add(some.map { ($0.name, $0.text + " and a new word") })
      try await add(some)
      let straight = try DocumentIndex.open(folder: home.path + "/straight")
      _ = try await straight.add([documents.path], embedder: WordEmbedder()).summary()
      let (expected, found) = (try await answers(straight), try await answers(shuffled))
      #expect(expected.count > 100 && found.count == expected.count)
      if let (mine, its) = zip(found, expected).first(where: { $0 != $1 }) {
        Issue.record("seed \(seed): \(mine) in place of \(its)")
      }
    }
  }
}
