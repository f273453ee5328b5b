import Testing
import Tokenization

@Suite("WordPiece")
struct WordPieceTests {
  @Test("MiniLM gives HF tokenizers' ids, special tokens parsed or not")
  func miniLM() throws {
    let golden: Golden = try Fixture.json("wordpiece.json")
    let tokenizer = try Fixture.miniLM()
    expectEqual(golden.texts, golden.ids) { tokenizer.encode($0) }
    expectEqual(golden.texts, try #require(golden.parsed)) {
      tokenizer.encode($0, special: .parsed)
    }
  }

  @Test("The 42 fixture texts give the encoder's ids, cut at 256")
  func fixture() throws {
    struct File: Decodable {
      struct Case: Decodable {
        var text: String
        var ids: [TokenID]
      }
      var cases: [Case]
    }
    let file: File = try Fixture.json("minilm-ids.json")
    let tokenizer = try Fixture.miniLM()
    expectEqual(file.cases.map(\.text), file.cases.map(\.ids)) {
      tokenizer.encodeForModel($0, special: .parsed, limit: 256)
    }
    let shared = try SharedStrings.load("minilm")
    expectEqual(shared.texts, shared.ids) { tokenizer.encodeForModel($0, special: .parsed) }
  }

  @Test("GGUF's spelling of a vocabulary gives the same ids as vocab.txt's")
  func ggufSpelling() throws {
    let plain = try Fixture.miniLMPieces()
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    let marked = plain.map { piece in
      // Bytes, not characters: a mark may follow `##` and join it.
      piece.utf8.starts(with: "##".utf8)
        ? String(decoding: piece.utf8.dropFirst(2), as: UTF8.self)
        : special.contains(piece) ? piece : "▁" + piece
    }
    let types = plain.map { special.contains($0) ? Int32(3) : 1 }
    let tokenizer = try WordPieceTokenizer(vocabulary: try Vocabulary(marked, types: types))
    let golden: Golden = try Fixture.json("wordpiece.json")
    expectEqual(golden.texts, golden.ids) { tokenizer.encode($0) }
    #expect(tokenizer.bos == 101 && tokenizer.eos == 102)
    for id in stride(from: TokenID(0), to: TokenID(plain.count), by: 7) {
      #expect(tokenizer.name(of: id) == plain[Int(id)])
      #expect(tokenizer.id(named: plain[Int(id)]) == id)
    }
  }

  private func small(uncased: Bool = true) throws -> WordPieceTokenizer {
    try WordPieceTokenizer(
      vocabulary: try Vocabulary([
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", ",", "日", "Un", "ᄒ",
        "##ᅡ", "##ᆫ",
      ]), uncased: uncased)
  }

  @Test("The longest piece that fits comes first; a word that does not come out even is unknown")
  func greedy() throws {
    let tokenizer = try small()
    #expect(tokenizer.encode("unaffable") == [4, 5, 6])
    #expect(tokenizer.encode("unaffabl") == [1])
    #expect(tokenizer.encode("Ünaffable,日un") == [4, 5, 6, 7, 8, 4])
    #expect(tokenizer.encode("한") == [10, 11, 12])
    #expect(tokenizer.encode("[SEP]") == [1, 1, 1])
    #expect(tokenizer.encodeForModel("un") == [2, 4, 3])
    #expect(tokenizer.name(of: 5) == "##aff" && tokenizer.id(named: "##aff") == 5)
    #expect(tokenizer.decode([2, 4, 5, 6, 7, 3]) == " unaffable ,")
  }

  @Test("A cased vocabulary keeps case and accents")
  func cased() throws {
    #expect(try small(uncased: false).encode("Unaffable un ün") == [9, 5, 6, 4, 1])
  }

  @Test("Words of 100 characters are looked up, longer ones are unknown")
  func longWords() throws {
    let tokenizer = try WordPieceTokenizer(vocabulary: try Vocabulary(["[UNK]", "a", "##a"]))
    #expect(tokenizer.encode(String(repeating: "a", count: 100)).count == 100)
    #expect(tokenizer.encode(String(repeating: "a", count: 101)) == [0])
  }

  @Test("A limit cuts the text, never the end token")
  func limit() throws {
    let tokenizer = try small()
    for limit in 2...6 {
      let ids = tokenizer.encodeForModel("un un un un un un", limit: limit)
      #expect(ids == [2] + [TokenID](repeating: 4, count: limit - 2) + [3])
    }
  }

  @Test("A vocabulary without an unknown token is refused")
  func noUnknown() throws {
    let vocabulary = try Vocabulary(["a"])
    #expect(throws: TokenizationError.self) { try WordPieceTokenizer(vocabulary: vocabulary) }
  }
}
