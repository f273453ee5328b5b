import Foundation
import Tensors
import Testing
import Tokenization

/// Golden files and real vocabularies.
enum Fixture {
  static func data(_ name: String) throws -> Data {
    try Data(
      contentsOf: try #require(
        Bundle.module.url(forResource: "Fixtures/\(name)", withExtension: nil))
    )
  }

  static func json<T: Decodable>(_ name: String, as type: T.Type = T.self) throws -> T {
    try JSONDecoder().decode(type, from: data(name))
  }

  /// A file under `$CARREL_MODELS`, or `Models/` at the package's root.
  private static func model(_ name: String, file: String = #filePath) throws -> String {
    let environment = ProcessInfo.processInfo.environment
    let root = file.split(separator: "/").dropLast(3).joined(separator: "/")
    let path = "\(environment["CARREL_MODELS"] ?? "/\(root)/Models")/\(name)"
    return try #require(
      FileManager.default.fileExists(atPath: path) ? path : nil,
      "\(path) is missing: run make models TEST_MODELS=1")
  }

  static func smolLM2(pre: String? = nil) throws -> any Tokenizer {
    try gguf(model("smollm2-135m-instruct-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf"), pre: pre)
      .makeTokenizer()
  }

  static func gemma3() throws -> any Tokenizer {
    try gguf(model("gemma-3-270m-q4_k_m/gemma-3-270m-q4_k_m.gguf")).makeTokenizer()
  }

  /// What a GGUF file says of its tokenizer.
  static func gguf(_ path: String, pre: String? = nil) throws -> TokenizerDescription {
    let metadata = try GGUFFile(path: path).metadata
    func value(_ key: String) -> GGUFValue? { metadata["tokenizer.ggml." + key] }
    let tokens = try #require(value("tokens")?.strings)
    var merges: ByteStrings?
    if let list = value("merges")?.strings {
      merges = try ByteStrings(count: list.count) { list[$0] }
    }
    return TokenizerDescription(
      model: try #require(value("model")?.string), pre: pre ?? value("pre")?.string,
      vocabulary: try Vocabulary(
        count: tokens.count, bytes: { tokens[$0] }, scores: value("scores")?.floats,
        types: value("token_type")?.integers?.map { Int32($0) }),
      merges: merges, bos: value("bos_token_id")?.int, eos: value("eos_token_id")?.int,
      unknown: value("unknown_token_id")?.int, addsBOS: value("add_bos_token")?.bool,
      addsEOS: value("add_eos_token")?.bool, addsSpacePrefix: value("add_space_prefix")?.bool)
  }

  /// The pieces of all-MiniLM-L6-v2, in the order of their ids.
  static func miniLMPieces() throws -> [String] {
    struct File: Decodable {
      struct Model: Decodable { var vocab: [String: Int] }
      var model: Model
    }
    let path = try model("all-minilm-l6-v2/tokenizer.json")
    let file = try JSONDecoder().decode(File.self, from: Data(contentsOf: URL(filePath: path)))
    return file.model.vocab.sorted { $0.value < $1.value }.map(\.key)
  }

  static func miniLM() throws -> any Tokenizer {
    try TokenizerDescription(model: "bert", vocabulary: Vocabulary(miniLMPieces())).makeTokenizer()
  }

  /// The first 2,000 tokens of o200k_base with the control tokens of o200k_harmony behind them.
  static func cutO200k() throws -> BytePairTokenizer {
    try data("o200k-cut.tiktoken").withUnsafeBytes {
      try BytePairTokenizer.o200kHarmony(tiktoken: $0, ordinary: 2000)
    }
  }

  static let o200kPath = ProcessInfo.processInfo.environment["CARREL_O200K"]
}

/// Texts beside the ids a reference gives for them.
struct Golden: Decodable {
  var texts: [String]
  var ids: [[TokenID]]
  var parsed: [[TokenID]]?
}

/// Reports the first few texts whose ids differ from the reference's.
func expectEqual(
  _ texts: [String], _ expected: [[TokenID]], _ comment: String = "",
  sourceLocation: SourceLocation = #_sourceLocation, _ encode: (String) -> [TokenID]
) {
  #expect(texts.count == expected.count, sourceLocation: sourceLocation)
  var shown = 0
  for (text, ids) in zip(texts, expected) where shown < 3 {
    let found = encode(text)
    if found != ids {
      shown += 1
      Issue.record(
        "\(comment) \(text.debugDescription): \(found), expected \(ids)",
        sourceLocation: sourceLocation)
    }
  }
}

/// A small generator of repeatable numbers (SplitMix64).
struct Dice: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  /// Bytes of which some are text, some nearly, some noise.
  mutating func bytes(upTo most: Int) -> [UInt8] {
    let scraps: [[UInt8]] = [
      Array("word".utf8), [0x20], [0x0A], Array("'s".utf8), Array("🙂".utf8), [0xF0, 0x9F],
      [0xE2, 0x96, 0x81], [0xC0], [0xED, 0xA0, 0x80], [0xFF], Array("<|im_end|>".utf8),
      Array("[SEP]".utf8), Array("नि".utf8), Array("e\u{301}".utf8), Array("1234".utf8), [0xCC],
    ]
    var output: [UInt8] = []
    let wanted = Int.random(in: 0...most, using: &self)
    while output.count < wanted {
      if Bool.random(using: &self) {
        output += scraps.randomElement(using: &self) ?? []
      } else {
        output.append(UInt8.random(in: 0...255, using: &self))
      }
    }
    return output
  }
}
