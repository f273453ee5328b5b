import Retrieval
import TestSupport
import Testing

@Suite("What an embedder can read")
struct LegibilityTests {
  /// A vocabulary of English words, single letters and a few characters of Han, as BERT's is.
  private struct English: Embedder {
    let identity = WordEmbedder().identity
    var characters: Set<Character> = ["的", "中", "人", "一", "大", "国"]
    func embed(_ texts: [String]) async throws -> [Float] { try await WordEmbedder().embed(texts) }
    func pieces(of word: String) -> [Bool]? {
      if word.allSatisfy(\.isASCII) { return Array(repeating: true, count: (word.count + 3) / 4) }
      return word.map {
        !$0.unicodeScalars.allSatisfy(\.properties.isIdeographic) || characters.contains($0)
      }
    }
  }

  @Test(
    "Letters of other alphabets one by one, and Han without the common characters, are not read",
    arguments: [
      ("How fast is the index?", true), ("数据库的索引", false), ("中国", false), ("базы данных", false),
      ("หลังคา", false), ("iPhone的价格", true), ("index 数据库的索引很快", false), ("42?", true), ("", true),
      ("C", true),
    ])
  func english(question: String, reads: Bool) {
    #expect(Legibility.reads(question, English()) == reads)
  }

  @Test("A vocabulary of characters reads Han, and one that says nothing reads everything")
  func chinese() {
    let common = English(characters: Set("的一是不了在人有我他这个们中来上大为和国数据库"))
    #expect(Legibility.reads("中国的数据库", common))
    #expect(!Legibility.reads("索引", common))
    #expect(Legibility.reads("数据库", WordEmbedder()))
  }

  @Test("A question that cannot be read is searched for by words alone, unless by meaning only")
  func search() async throws {
    let folder = TemporaryFolder()
    folder.write("a.txt", "这个数据库的索引很快。")
    folder.write("b.txt", "The index is fast.")
    let index = try DocumentIndex.open(folder: folder.path + "/.index")
    _ = try await index.add([folder.path], embedder: English()).summary()
    let service = try SearchService(index: index, embedder: English())
    let unread = try await service.find("数据库索引", limit: 5)
    #expect(unread.mode == .lexical && unread.hits.map(\.path) == [folder.path + "/a.txt"])
    #expect(try await service.find("fast index", limit: 5).mode == .hybrid)
    #expect(try await service.find("数据库索引", limit: 5, mode: .semantic).mode == .semantic)
  }
}
