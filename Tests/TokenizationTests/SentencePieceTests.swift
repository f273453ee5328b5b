import Testing
import Tokenization

@Suite("SentencePiece byte-pair encoding")
struct SentencePieceTests {
  struct Model: Decodable {
    var pieces: [String]
    var scores: [Float]
    var types: [Int32]
    var spacePrefix: Bool
    var texts: [String]
    var ids: [[TokenID]]

    func tokenizer() throws -> any Tokenizer {
      try TokenizerDescription(
        model: "llama", pre: "default",
        vocabulary: Vocabulary(pieces, scores: scores, types: types), bos: 1, eos: 2,
        unknown: 0, addsSpacePrefix: spacePrefix
      ).makeTokenizer()
    }
  }

  @Test(
    "Small vocabularies give sentencepiece's ids",
    arguments: ["prefix", "unknown", "userDefined"])
  func small(name: String) throws {
    let models: [String: Model] = try Fixture.json("sentencepiece.json")
    let model = try #require(models[name])
    let tokenizer = try model.tokenizer()
    expectEqual(model.texts, model.ids) { tokenizer.encode($0) }
  }

  @Test("An unused piece comes apart as sentencepiece takes it apart")
  func unused() throws {
    for model in try Fixture.json("sentencepiece-unused.json") as [Model] {
      let tokenizer = try model.tokenizer()
      expectEqual(model.texts, model.ids) { tokenizer.encode($0) }
    }
  }

  @Test("Gemma 3 gives the shared fixtures' ids")
  func gemma3() throws {
    let shared = try SharedStrings.load("gemma3-270m")
    let tokenizer = try Fixture.gemma3()
    expectEqual(shared.texts, shared.ids) { tokenizer.encodeForModel($0, special: .parsed) }
    // Runs of spaces and newlines are pieces of up to 31, taken whole from the left.
    let spaces = tokenizer.encode(String(repeating: " ", count: 40))
    #expect(spaces == [167, 145])
    #expect(tokenizer.bytes(of: spaces) == [UInt8](repeating: 0x20, count: 40))
    #expect(tokenizer.encode("<start_of_turn>").count > 1)
    #expect(tokenizer.encode("<start_of_turn>", special: .parsed) == [105])
  }

  @Test("Bytes without a piece fall back to byte tokens and come back")
  func byteFallback() throws {
    let models: [String: Model] = try Fixture.json("sentencepiece.json")
    let tokenizer = try #require(models["userDefined"]).tokenizer()
    var dice = Dice(3)
    for _ in 0..<1000 {
      let bytes = dice.bytes(upTo: 100)
      // ▁ in a text is indistinguishable from a space.
      if bytes.contains(0x96) { continue }
      #expect(tokenizer.bytes(of: tokenizer.encode(bytes)) == bytes)
    }
    let byte = try #require(tokenizer.id(named: "<0x0A>") ?? tokenizer.encode("\n").first)
    #expect(tokenizer.bytes(of: byte) == [0x0A])
  }

  @Test("A space goes before the text and after a parsed control token")
  func spacePrefix() throws {
    let tokenizer = try SentencePieceTokenizer(
      vocabulary: try Vocabulary(
        ["<unk>", "<s>", "</s>", "▁a", "a", "▁"], scores: [0, 0, 0, -1, -2, -3],
        types: [2, 3, 3, 1, 1, 1]), bos: 1, eos: 2)
    #expect(tokenizer.encode("a") == [3])
    #expect(tokenizer.encode("a a") == [3, 3])
    #expect(tokenizer.encode("") == [])
    #expect(tokenizer.encode("a</s>a", special: .parsed) == [3, 2, 3])
    #expect(tokenizer.encodeForModel("a") == [1, 3])
    #expect(tokenizer.decode([1, 3, 4, 5]) == " aa ")
    #expect(tokenizer.encode("xyz") == [5, 0])
  }

  @Test("Equal scores merge from the left, and piece order does not matter")
  func ties() throws {
    let pieces = ["<unk>", "a", "b", "ab", "ba"]
    let tokenizer = try SentencePieceTokenizer(
      vocabulary: try Vocabulary(pieces, scores: [0, -9, -9, -1, -1], types: [2, 1, 1, 1, 1]),
      addsSpacePrefix: false)
    #expect(tokenizer.encode("aba") == [3, 1])
    #expect(tokenizer.encode("bab") == [4, 2])
  }

  @Test("A vocabulary without scores is refused")
  func noScores() throws {
    let vocabulary = try Vocabulary(["a"])
    let error = #expect(throws: TokenizationError.self) {
      try SentencePieceTokenizer(vocabulary: vocabulary)
    }
    #expect(error?.subject == "tokenizer.ggml.scores")
  }
}
