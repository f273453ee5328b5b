import Testing
import Tokenization

@Suite("Every tokenizer")
struct PropertyTests {
  private static let names = ["smollm2", "gemma3", "minilm", "o200k cut", "sentencepiece"]

  private func tokenizer(_ name: String) throws -> any Tokenizer {
    switch name {
    case "smollm2": return try Fixture.smolLM2()
    case "gemma3": return try Fixture.gemma3()
    case "minilm": return try Fixture.miniLM()
    case "o200k cut": return try Fixture.cutO200k()
    default:
      let models: [String: SentencePieceTests.Model] = try Fixture.json("sentencepiece.json")
      return try #require(models["prefix"]).tokenizer()
    }
  }

  @Test(
    "Takes any bytes, the same way each time, and never gives a control token for text",
    arguments: names)
  func anyBytes(name: String) throws {
    let tokenizer = try tokenizer(name)
    var dice = Dice(11)
    for _ in 0..<1500 {
      let bytes = dice.bytes(upTo: 150)
      let ids = tokenizer.encode(bytes)
      #expect(ids == tokenizer.encode(bytes))
      #expect(ids.allSatisfy { $0 >= 0 && Int($0) < tokenizer.vocabularySize })
      // MiniLM's unknown token is one of its special tokens.
      let unknown = tokenizer.id(named: "[UNK]")
      #expect(ids.allSatisfy { !tokenizer.isControl($0) || $0 == unknown })
      _ = tokenizer.encode(bytes, special: .parsed)
      _ = tokenizer.decode(ids)
    }
  }

  @Test("No control token's own name becomes that token unless parsed", arguments: names)
  func controlNames(name: String) throws {
    let tokenizer = try tokenizer(name)
    var checked = 0
    for id in 0..<TokenID(tokenizer.vocabularySize) where tokenizer.isControl(id) {
      let name = tokenizer.name(of: id)
      #expect(!tokenizer.encode(name).contains(id) || name == "[UNK]")
      #expect(tokenizer.encode(name, special: .parsed) == [id])
      #expect(tokenizer.id(named: name) == id)
      checked += 1
    }
    #expect(checked > 0)
  }

  @Test(
    "A megabyte of one character is taken in under a second",
    arguments: names, ["a", " ", "\n", "7", "日", "🙂", "A", "é", "'", "ab"])
  func megabyte(name: String, character: String) throws {
    let tokenizer = try tokenizer(name)
    let bytes = Array(String(repeating: character, count: 1_000_000 / character.utf8.count).utf8)
    var best = Duration.seconds(99)
    for _ in 0..<3 {
      best = min(best, ContinuousClock().measure { _ = tokenizer.encode(bytes) })
    }
    #expect(best < .seconds(1), "\(name) took \(best)")
  }
}
