import Database
import Glibc
import Retrieval
import TestSupport
import Testing

@Suite("Search in scripts that are written without spaces")
struct UnspacedSearchTests {
  struct Pair: Sendable {
    let id: String
    let passage: String
    let question: String
  }

  /// Passages and questions of `Fixtures/unspaced`.
  private static func pairs(_ language: String) throws -> [Pair] {
    let path = FormatTests.fixtures + "unspaced/\(language).tsv"
    guard case .bytes(let bytes, _, _) = FileBytes.read(ScannedFile(path: path)) else {
      throw RetrievalError(.io, "The fixture \(path) cannot be read.", subject: path)
    }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").enumerated().map {
      let parts = $1.split(separator: "\t")
      return Pair(
        id: "/\(language)/\($0)", passage: String(parts[0]), question: String(parts[1]))
    }
  }

  /// The part of the questions whose passage is among the first five, and the mean of 1 ∕ rank in ten.
  private static func measure(_ pairs: [Pair], among all: [Pair]) async throws -> (
    recall: Double, rank: Double
  ) {
    let folder = TemporaryFolder()
    let index = try DocumentIndex.open(folder: folder.path)
    try await index.fill(
      all.map { .init(id: $0.id, title: "", text: $0.passage) }, embedder: nil)
    let search = try SearchService(index: index, embedder: nil)
    var found = (recall: 0.0, rank: 0.0)
    for pair in pairs {
      let hits = try await search.search(pair.question, limit: 10, mode: .lexical)
      guard let place = hits.firstIndex(where: { $0.path == pair.id }) else { continue }
      found.rank += 1 / Double(place + 1)
      if place < 5 { found.recall += 1 }
    }
    let count = Double(pairs.count)
    return (found.recall / count, found.rank / count)
  }

  /// On the right what rank_bm25 0.2.2 reaches with the same pairs of letters, less .01.
  @Test(
    "Questions find their passages as bm25 over pairs of letters does",
    arguments: [("zh", 0.99), ("ja", 0.947), ("th", 0.99), ("ko", 0.99)])
  func finds(language: String, rank: Double) async throws {
    let pairs = try Self.pairs(language)
    let alone = try await Self.measure(pairs, among: pairs)
    #expect(alone.recall == 1 && alone.rank >= rank, "\(alone)")
  }

  @Test("All languages in one index do not disturb each other")
  func together() async throws {
    let all = try ["zh", "ja", "th", "ko"].flatMap { try Self.pairs($0) }
    let found = try await Self.measure(all, among: all)
    #expect(found.recall >= 0.99 && found.rank >= 0.964, "\(found)")
  }

  private static let documents = [
    ("index.txt", "这个数据库的索引很快。"), ("cat.txt", "邻居有一只黑猫\n"), ("price.md", "# iPhone的价格\n\n下个月会降低。"),
    ("python.txt", "Ｐｙｔｈｏｎ言語で書く。"), ("chapter.txt", "第3章介绍安装。"),
    ("wrapped.txt", "能在几毫秒内找到一条记\n  录的表"),
    ("half.txt", "ﾃﾞｰﾀﾍﾞｰｽを作る"), ("thai.txt", "แมวของเพื่อนบ้านชอบนอนอาบแดดบนหลังคา"),
    ("lao.txt", "ຖານຂໍ້ມູນໄວຫຼາຍ"),
    ("khmer.txt", "មូលដ្ឋានទិន្នន័យលឿនណាស់"), ("burmese.txt", "ဒေတာဘေ့စ်သည်မြန်သည်"),
    ("english.txt", "An index is fast."),
    ("한글.txt", "데이터베이스의 색인은 빠르다"),
  ]

  @Test(
    "Words inside clauses, letters alone, mixed scripts and other forms are found",
    arguments: [
      ("数据库索引", "index.txt"), ("数据库", "index.txt"), ("猫", "cat.txt"), ("黑猫", "cat.txt"),
      ("iPhone价格", "price.md"),
      ("价格", "price.md"), ("Python言語", "python.txt"), ("python", "python.txt"),
      ("第3章", "chapter.txt"),
      ("记录", "wrapped.txt"), ("データベース", "half.txt"), ("ﾃﾞｰﾀ", "half.txt"), ("หลังคา", "thai.txt"),
      ("แมว", "thai.txt"),
      ("ຂໍ້ມູນ", "lao.txt"), ("ទិន្នន័យ", "khmer.txt"), ("ဘေ့စ်", "burmese.txt"), ("데이터베이스", "한글.txt"),
      ("색인", "한글.txt"),
      ("\u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}", "한글.txt"), ("index", "english.txt"),
    ])
  func words(question: String, name: String) async throws {
    let folder = TemporaryFolder()
    for (name, text) in Self.documents { folder.write(name, text) }
    let index = try DocumentIndex.open(folder: folder.path + "/.index")
    _ = try await index.add([folder.path], embedder: nil).summary()
    let result = try await SearchService(index: index, embedder: nil).find(question, limit: 3)
    let hit = try #require(result.hits.first)
    #expect(hit.path == folder.path + "/" + name)
    #expect(result.corrected.isEmpty)
    // What is shown and cited are the file's own bytes.
    let text = Self.documents.first { $0.0 == name }?.1 ?? ""
    #expect(Array(text.utf8)[hit.startByte..<hit.endByte].elementsEqual(hit.text.utf8))
    #expect(try index.verify() == [])
  }

  @Test("Pairs that are grammar tell nothing, unless there is nothing else")
  func grammar() {
    #expect(QueryTerms("数据库的索引是什么？").telling == ["数据", "据库", "索引"])
    #expect(QueryTerms("索引とは何ですか").telling == ["索引", "引と", "は何"])
    #expect(QueryTerms("AとB的猫").words == ["a", "b", "的猫"])
    #expect(QueryTerms("A 的 B").words == ["a", "b"] && QueryTerms("的").telling == ["的"])
    #expect(QueryTerms("りんご").telling == ["りん", "んご"])
    #expect(QueryTerms("iPhone的价格").telling == ["iphone", "价格"])
    #expect(QueryTerms("Ｗｈａｔ is ＳＱＬ").telling == ["sql"])
    #expect(QueryTerms("数据库 index of 猫").tellingWords == 3)
    let long = String((0x4e00..<0x5000).compactMap { Unicode.Scalar($0).map(Character.init) })
    #expect(QueryTerms(long).words.count == 128)
  }

  @Test("Pairs of letters are never corrected")
  func spelling() async throws {
    #expect(Spelling(["数据库", "データ", "索引", "หลังคา"]).isEmpty)
    #expect(!Spelling(["functin"]).isEmpty)
    let folder = TemporaryFolder()
    folder.write("a.txt", "数据库的索引")
    let index = try DocumentIndex.open(folder: folder.path + "/.index")
    _ = try await index.add([folder.path], embedder: WordEmbedder()).summary()
    let service = try SearchService(index: index, embedder: WordEmbedder())
    let found = try await service.find("数据车的索引", limit: 1)
    #expect(found.hits.count == 1 && found.corrected.isEmpty)
  }

  @Test("Long texts without spaces are cut behind their marks, and repeat whole sentences")
  func chunks() {
    let sentences = (0..<60).map { "第\($0)句话说的是「数据库的索引很快。」然后又说了一些别的事情，没有空格。" }
    let bytes = Array(sentences.joined().utf8)
    let chunks = bytes.withUnsafeBytes {
      Chunker(limit: 120, overlap: 40).chunks(of: $0, kind: .text)
    }
    #expect(chunks.count > 10)
    var end = 0
    for chunk in chunks {
      let text = String(decoding: bytes[chunk.range], as: UTF8.self)
      #expect(text.hasSuffix("。") || text.hasSuffix("。」"), "\(text)")
      #expect(text.hasPrefix("第") || text.hasPrefix("然后"), "\(text)")
      #expect(chunk.tokens <= 120 && chunk.range.lowerBound <= end)
      end = chunk.range.upperBound
    }
    #expect(end == bytes.count)
    #expect(
      chunks.indices.dropFirst().contains {
        chunks[$0].range.lowerBound < chunks[$0 - 1].range.upperBound
      })
  }

  @Test("Thai is not cut between a letter and its signs where nothing else is to be cut at")
  func marks() {
    let bytes = Array(String(repeating: "น้ำ", count: 200).utf8)
    let chunks = bytes.withUnsafeBytes { Chunker(limit: 50).chunks(of: $0, kind: .text) }
    #expect(chunks.count > 8)
    for chunk in chunks {
      #expect(String(decoding: bytes[chunk.range], as: UTF8.self).hasPrefix("น้ำ"))
    }
  }
}
