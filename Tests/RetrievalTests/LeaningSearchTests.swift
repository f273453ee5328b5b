import Retrieval
import TestSupport
import Testing

@Suite("A question that leans on the one before it")
struct LeaningSearchTests {
  @Test("Is searched by its own words first and by the earlier ones half as much")
  func leans() async throws {
    let documents = TemporaryFolder()
    let home = TemporaryFolder()
    documents.write("revenue-2020.md", "The revenue of the mill in 2020 was twelve crowns.")
    documents.write("revenue-2021.md", "The revenue of the mill in 2021 was nineteen crowns.")
    documents.write("staff-2021.md", "The staff of the brewery in 2021 was a brewer and a cat.")
    documents.write("other.md", "Rivers freeze from their banks towards the middle.")
    for number in 0..<14 {
      documents.write("filler\(number).md", "Page \(number) speaks about weather and sheep.")
    }
    let index = try DocumentIndex.open(folder: home.path)
    let embedder = WordEmbedder()
    _ = try await index.add([documents.path], embedder: embedder).summary()
    let earlier = "What was the revenue of the mill in 2020?"
    for service in [
      try SearchService(index: index, embedder: embedder),
      try SearchService(index: index, embedder: nil),
    ] {
      func best(_ query: String, _ mode: SearchMode, after: String? = nil) async throws -> String? {
        let hits = try await service.find(query, limit: 3, mode: mode, after: after).hits
        return hits.first?.path.split(separator: "/").last.map(String.init)
      }
      for mode in [SearchMode.hybrid, .lexical] {
        #expect(
          try await best("And the revenue in 2021?", mode, after: earlier) == "revenue-2021.md")
        #expect(try await best("And in 2021?", mode, after: earlier) == "revenue-2021.md")
        if mode == .lexical {
          #expect(try await best("How do rivers freeze?", mode, after: earlier) == "other.md")
        }
        #expect(try await best(earlier, mode) == "revenue-2020.md")
      }
    }
    // Nothing before it changes nothing.
    let service = try SearchService(index: index, embedder: embedder)
    let alone = try await service.search("staff in 2021", limit: 4)
    let after = try await service.find("staff in 2021", limit: 4, after: nil).hits
    #expect(alone == after)
  }
}
