import Foundation
import Testing
import Tokenization

@Suite("Byte-level byte-pair encoding")
struct BytePairTests {
  @Test(
    "SmolLM2's vocabulary gives HF tokenizers' ids under every pre-tokenizer",
    arguments: [
      "gpt-2", "smollm", "llama-bpe", "smaug-bpe", "qwen2", "qwen35", "seed-coder", "gpt-4o",
      "tekken", "deepseek-v3", "deepseek-coder", "bloom", "viking", "command-r",
    ])
  func preTokenizer(name: String) throws {
    struct File: Decodable {
      var texts: [String]
      var ids: [String: [[TokenID]]]
    }
    let golden: File = try Fixture.json("pretokenizers.json")
    let tokenizer = try Fixture.smolLM2(pre: name)
    expectEqual(golden.texts, try #require(golden.ids[name])) { tokenizer.encode($0) }
  }

  @Test("Where the family wants composed text, decomposed text gives HF tokenizers' ids")
  func composition() throws {
    let golden: Golden = try Fixture.json("composed.json")
    let tokenizer = try Fixture.smolLM2(pre: "qwen2")
    expectEqual(golden.texts, golden.ids) { tokenizer.encode($0) }
    let asItStands = try Fixture.smolLM2(pre: "stablelm2")
    #expect(golden.texts.map { asItStands.encode($0) } != golden.ids)
  }

  @Test("Bytes that are not UTF-8 keep their place where text would be composed")
  func compositionLosesNothing() throws {
    let tokenizer = try Fixture.smolLM2(pre: "qwen2")
    let bytes: [UInt8] = [0x65, 0xCC, 0x81, 0xCC]
    #expect(tokenizer.bytes(of: tokenizer.encode(bytes)) == bytes)
  }

  @Test("Names of one family mean the same rules")
  func aliases() {
    #expect(PreTokenizer(ggufName: "llama3") == PreTokenizer(ggufName: "llama-bpe"))
    #expect(PreTokenizer(ggufName: "mpt") == PreTokenizer(ggufName: "olmo"))
    #expect(PreTokenizer(ggufName: "default") == PreTokenizer(ggufName: "gpt-2"))
    #expect(PreTokenizer(ggufName: "smaug-bpe") != PreTokenizer(ggufName: "llama-bpe"))
    #expect(PreTokenizer(ggufName: "llama-bpe")?.ignoresMerges == true)
  }

  @Test("An unknown pre-tokenizer is refused by name")
  func unknownPreTokenizer() throws {
    let description = TokenizerDescription(
      model: "gpt2", pre: "llama-9", vocabulary: try Vocabulary(["a"]), merges: ByteStrings([]))
    let error = #expect(throws: TokenizationError.self) { try description.makeTokenizer() }
    #expect(error?.code == .unsupported)
    #expect("\(try #require(error))".contains("llama-9"))
  }

  @Test("A cut o200k vocabulary gives tiktoken's ids, control tokens parsed or not")
  func cutO200k() throws {
    let golden: Golden = try Fixture.json("o200k-cut.json")
    let tokenizer = try Fixture.cutO200k()
    expectEqual(golden.texts, golden.ids) { tokenizer.encode($0) }
    expectEqual(golden.texts, try #require(golden.parsed)) {
      tokenizer.encode($0, special: .parsed)
    }
  }

  @Test("Any bytes come back from their tokens")
  func roundTrip() throws {
    let tokenizer = try Fixture.cutO200k()
    var dice = Dice(1)
    for _ in 0..<3000 {
      let bytes = dice.bytes(upTo: 200)
      let ids = tokenizer.encode(bytes)
      #expect(tokenizer.bytes(of: ids) == bytes)
      #expect(ids == tokenizer.encode(bytes))
    }
  }

  @Test("A word of any length merges as a short one does: pairs, lowest rank and leftmost first")
  func longWords() throws {
    // Ranks in list order: "b c" before "a b" before "ab ab"; "aa" pairs from the left.
    let letters = ["a", "b", "c", "bc", "ab", "abab", "aa"]
    let vocabulary = try Vocabulary(letters)
    let merges = ByteStrings(["b c", "a b", "ab ab", "a a"])
    let tokenizer = try BytePairTokenizer(
      vocabulary: vocabulary, merges: merges, preTokenizer: .gpt2)
    #expect(tokenizer.encode("abc") == [0, 3])
    #expect(tokenizer.encode("aaa") == [6, 0])
    for count in [1, 2, 3, 10, 63, 64, 65, 66, 1000, 100_001] {
      let pairs = tokenizer.encode(String(repeating: "ab", count: count))
      let expected = [TokenID](repeating: 5, count: count / 2) + (count % 2 == 1 ? [4] : [])
      #expect(pairs == expected)
      let runs = tokenizer.encode(String(repeating: "a", count: count))
      #expect(
        runs == [TokenID](repeating: 6, count: count / 2) + (count % 2 == 1 ? [0] : []))
    }
    // Scanned and heaped words agree: a prefix that only makes the word long.
    var dice = Dice(2)
    for _ in 0..<300 {
      let word = (0..<Int.random(in: 1...60, using: &dice)).map { _ in
        "abc".randomElement(using: &dice) ?? "a"
      }
      let short = tokenizer.encode(String(word))
      // c merges with nothing on its right, so what follows it merges as if alone.
      let padding = String(repeating: "c", count: 80)
      #expect(
        tokenizer.encode(padding + String(word)) == [TokenID](repeating: 2, count: 80) + short)
    }
  }

  @Test("A byte the vocabulary lacks is dropped, and its neighbours merge")
  func missingByte() throws {
    let tokenizer = try BytePairTokenizer(
      vocabulary: try Vocabulary(["!", "?", "!?"]), merges: ByteStrings(["! ?"]),
      preTokenizer: .gpt2)
    #expect(tokenizer.encode("!\u{1}?") == [2])
    let long = String(repeating: "\u{1}!\u{2}?", count: 50)
    #expect(tokenizer.encode(long) == [TokenID](repeating: 2, count: 50))
  }

  @Test("User-defined tokens are whole in any text, control tokens only when parsed")
  func userDefined() throws {
    let vocabulary = try Vocabulary(
      ["a", "<", ">", "<a>", "<a", "<<"], types: [1, 1, 1, 4, 3, 1])
    let tokenizer = try BytePairTokenizer(
      vocabulary: vocabulary, merges: ByteStrings(["< <"]), preTokenizer: .gpt2)
    #expect(tokenizer.encode("a<a>a<a<<") == [0, 3, 0, 1, 0, 5])
    #expect(tokenizer.encode("a<a>a<a<<", special: .parsed) == [0, 3, 0, 4, 5])
    #expect(tokenizer.bytes(of: 3) == Array("<a>".utf8))
    #expect(tokenizer.bytes(of: 4) == [])
    #expect(tokenizer.name(of: 4) == "<a")
    #expect(tokenizer.isControl(4) && !tokenizer.isControl(3))
    #expect(tokenizer.id(named: "<a") == 4 && tokenizer.id(named: "nothing") == nil)
  }

  @Test("Ids outside the vocabulary have no bytes and a name that says so")
  func invalidIDs() throws {
    let tokenizer = try Fixture.cutO200k()
    for id in [TokenID.min, -1, TokenID(tokenizer.vocabularySize), .max] {
      #expect(tokenizer.bytes(of: id) == [])
      #expect(tokenizer.name(of: id) == "<|invalid_\(id)|>")
      #expect(!tokenizer.isControl(id))
    }
  }

  @Test(
    "Broken tiktoken files are refused with the token that is wrong",
    arguments: ["IQ== 0\nIg== 2\n", "IQ==0\n", "IQ== \n", "*** 0\n", "IQ== 0 \n", "IQ== x\n", ""])
  func brokenTiktoken(text: String) {
    #expect(throws: TokenizationError.self) {
      try Array(text.utf8).withUnsafeBytes {
        try BytePairTokenizer.o200kHarmony(tiktoken: $0, ordinary: 2)
      }
    }
  }

  @Test(
    "The whole o200k_harmony gives openai-harmony's ids", .enabled(if: Fixture.o200kPath != nil))
  func wholeO200k() throws {
    struct File: Decodable {
      struct Case: Decodable {
        var text: String
        var ids: [TokenID]
      }
      var cases: [Case]
    }
    let file = try Data(contentsOf: URL(filePath: try #require(Fixture.o200kPath)))
    let tokenizer = try file.withUnsafeBytes { try BytePairTokenizer.o200kHarmony(tiktoken: $0) }
    let golden: File = try Fixture.json("harmony-tokens.json")
    expectEqual(golden.cases.map(\.text), golden.cases.map(\.ids)) { tokenizer.encode($0) }
    let shared = try SharedStrings.load("gpt-oss-o200k_harmony")
    expectEqual(shared.texts, shared.ids) { tokenizer.encode($0, special: .parsed) }
    #expect(tokenizer.vocabularySize == 201_088)
    #expect(tokenizer.id(named: "<|call|>") == 200_012)
    #expect(tokenizer.name(of: 201_087) == "<|reserved_201087|>")
  }

  @Test("SmolLM2 gives the shared fixtures' ids")
  func smolLM2() throws {
    let shared = try SharedStrings.load("smollm2")
    let tokenizer = try Fixture.smolLM2()
    expectEqual(shared.texts, shared.ids) { tokenizer.encode($0, special: .parsed) }
    #expect(tokenizer.encodeForModel("a") == [81])
    #expect(tokenizer.encode("<|im_end|>", special: .parsed) == [2])
    #expect(tokenizer.eos == 2 && tokenizer.isControl(2))
  }
}

/// `tokenizers.json`: one list of strings, and ids for each of four models.
enum SharedStrings {
  static func load(_ model: String) throws -> (texts: [String], ids: [[TokenID]]) {
    struct File: Decodable {
      var strings: [String]
      var ids: [String: [[TokenID]?]]
    }
    let file: File = try Fixture.json("tokenizers.json")
    let ids = try #require(file.ids[model])
    // A null stands for the empty text.
    let pairs = zip(file.strings, ids).filter { $0.1 != nil }
    return (pairs.map(\.0), pairs.map { $0.1 ?? [] })
  }
}
