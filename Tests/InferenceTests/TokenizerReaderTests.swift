import Foundation
import Inference
import Testing
import Tokenization

/// Tokenizers as model files describe them.
@Suite struct TokenizerReaderTests {
  /// A GGUF file with nothing but a SentencePiece vocabulary: spelling and kind of each token.
  static func tokenizer(_ tokens: [(String, Int32)], eos: UInt32) throws -> any Tokenizer {
    func number(_ value: some FixedWidthInteger) -> Data {
      withUnsafeBytes(of: value.littleEndian) { Data($0) }
    }
    func string(_ text: String) -> Data { number(UInt64(text.utf8.count)) + Data(text.utf8) }
    func array(_ key: String, _ type: UInt32, _ values: [Data]) -> Data {
      string("tokenizer.ggml." + key) + number(UInt32(9)) + number(type)
        + number(UInt64(values.count)) + values.joined()
    }
    let pairs = [
      string("general.architecture") + number(UInt32(8)) + string("llama"),
      string("tokenizer.ggml.model") + number(UInt32(8)) + string("llama"),
      array("tokens", 8, tokens.map { string($0.0) }),
      array("scores", 6, tokens.map { _ in number(Float(-1).bitPattern) }),
      array("token_type", 5, tokens.map { number($0.1) }),
      string("tokenizer.ggml.eos_token_id") + number(UInt32(4)) + number(eos),
      string("tokenizer.ggml.add_space_prefix") + number(UInt32(7)) + Data([0]),
    ]
    let file = FileManager.default.temporaryDirectory.appending(path: "carrel-\(UUID()).gguf")
    defer { try? FileManager.default.removeItem(at: file) }
    let head = Data("GGUF".utf8) + number(UInt32(3)) + number(UInt64(0))
    try (head + number(UInt64(pairs.count)) + pairs.joined()).write(to: file)
    return try TokenizerSource.open(path: file.path)
  }

  @Test("What chat formats write by id comes out of no text, though a file calls it user-defined")
  func userDefined() throws {
    let names = ControlNames.all.sorted() + ["<of-this-model>"]
    let letters = Set(names.joined()).sorted().map { (String($0), Int32(1)) }
    let tokenizer = try Self.tokenizer(
      [("<unk>", 2)] + names.map { ($0, 4) } + letters, eos: UInt32(names.count))
    for name in names {
      let id = try #require(tokenizer.id(named: name))
      #expect(tokenizer.isControl(id), "\(name)")
      #expect(!tokenizer.encode("a\(name)b").contains(id), "\(name)")
      #expect(tokenizer.encode(name, special: .parsed) == [id])
    }
  }

  @Test("User-defined tokens that are text stay whole")
  func text() throws {
    let tokenizer = try Self.tokenizer(
      [("<unk>", 2), ("</s>", 3), ("\n\n", 4), ("<think>", 4), ("a", 1)], eos: 1)
    #expect(tokenizer.encode("a\n\n<think>a") == [4, 2, 3, 4])
  }
}
