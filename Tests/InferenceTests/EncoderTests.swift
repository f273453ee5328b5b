import Compute
import Foundation
import Inference
import Testing
import Tokenization

/// MiniLM against sentence-transformers (Fixtures/README.md).
@Suite struct EncoderTests {
  struct Reference: Decodable {
    struct Case: Decodable {
      let name: String
      let text: String
      let ids: [TokenID]
      let embedding: [Float]
    }
    let cases: [Case]

    static func load() throws -> [Case] {
      let file = Fixtures.folder.appending(path: "minilm.json")
      return try JSONDecoder().decode(Reference.self, from: Data(contentsOf: file)).cases
    }
  }

  static func model() throws -> EncoderModel {
    let weights = try Fixtures.model("all-minilm-l6-v2/model.safetensors")
    return try .open(directory: String(weights.dropLast("/model.safetensors".count)))
  }

  static func cosine(_ a: ArraySlice<Float>, _ b: [Float]) -> Double {
    var (ab, aa, bb) = (0.0, 0.0, 0.0)
    for (x, y) in zip(a, b) {
      ab += Double(x) * Double(y)
      aa += Double(x) * Double(x)
      bb += Double(y) * Double(y)
    }
    return ab / (aa * bb).squareRoot()
  }

  @Test("Tokens of every text equal the reference's, cut at 256 with their end token kept")
  func tokens() throws {
    let model = try Self.model()
    for reference in try Reference.load() {
      #expect(model.tokens(of: reference.text) == reference.ids, "\(reference.name)")
    }
  }

  @Test(
    "Every embedding points where the reference's does", arguments: [KernelChoice.exact, .fast])
  func embeddings(kernels: KernelChoice) throws {
    let model = try Self.model()
    let engine = Engine(pool: WorkerPool(threads: 2), kernels: kernels)
    let references = try Reference.load()
    let ours = try model.embed(references.map(\.text), engine: engine)
    let d = model.dimension
    var worst = 1.0
    for (i, reference) in references.enumerated() {
      let own = ours[i * d..<(i + 1) * d]
      worst = min(worst, Self.cosine(own, reference.embedding))
      #expect(abs(own.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
    }
    // Measured: 0.99927 of an empty text with the fast kernels, 0.9996 or more of sentences.
    #expect(worst >= (kernels == .exact ? 0.9999 : 0.999))
  }

  @Test(
    "A text's embedding has the same bits in any company, in any order, on any number of threads",
    arguments: [KernelChoice.fast, .exact])
  func company(kernels: KernelChoice) throws {
    let model = try Self.model()
    let texts = try Reference.load().map(\.text)
    let d = model.dimension
    let engines = (1...3).map { Engine(pool: WorkerPool(threads: $0), kernels: kernels) }
    let together = try model.embed(texts, engine: engines[1])
    var random = RandomSource(seed: 11)
    for trial in 0..<(kernels == .fast ? 12 : 4) {
      let count = trial < 3 ? 1 : Int.random(in: 2...texts.count, using: &random)
      let chosen = Array(texts.indices.shuffled(using: &random).prefix(count))
      let own = try model.embed(chosen.map { texts[$0] }, engine: engines[trial % 3])
      for (slot, text) in chosen.enumerated() {
        #expect(
          own[slot * d..<(slot + 1) * d].elementsEqual(together[text * d..<(text + 1) * d]),
          "text \(text) among \(count), \(trial % 3 + 1) threads")
      }
    }
  }

  @Test("Stops when told to")
  func cancel() throws {
    let model = try Self.model()
    let engine = Engine(pool: WorkerPool(threads: 1), kernels: .fast)
    #expect(throws: CancellationError.self) {
      try model.embed(["a", "b"], engine: engine) { _, _ in false }
    }
  }

  /// A copy of MiniLM's folder (links, but for what `change` writes) that goes when `body` is done.
  static func altered(_ body: (URL) throws -> Void) throws {
    let weights = try Fixtures.model("all-minilm-l6-v2/model.safetensors")
    let source = URL(filePath: weights).deletingLastPathComponent()
    let folder = FileManager.default.temporaryDirectory.appending(path: "carrel-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in ["model.safetensors", "tokenizer.json", "config.json"] {
      try FileManager.default.createSymbolicLink(
        at: folder.appending(path: name), withDestinationURL: source.appending(path: name))
    }
    try body(folder)
  }

  @Test(
    "A folder that lacks a file is refused by the file's name",
    arguments: ["model.safetensors", "tokenizer.json", "config.json"])
  func missing(name: String) throws {
    try Self.altered { folder in
      try FileManager.default.removeItem(at: folder.appending(path: name))
      #expect {
        try EncoderModel.open(directory: folder.path)
      } throws: { error in
        "\(error)".contains("\(folder.path)/\(name)")
      }
    }
  }

  @Test("Vectors are pooled as the folder says; a way there is not, or no JSON, is refused")
  func pooling() throws {
    try Self.altered { folder in
      try FileManager.default.createDirectory(
        at: folder.appending(path: "1_Pooling"), withIntermediateDirectories: true)
      func open(_ text: String) throws -> EncoderModel {
        try text.write(
          to: folder.appending(path: "1_Pooling/config.json"), atomically: true, encoding: .utf8)
        return try EncoderModel.open(directory: folder.path)
      }
      func modes(_ cls: Bool, _ mean: Bool, _ max: Bool) -> String {
        """
        {"word_embedding_dimension": 384, "pooling_mode_cls_token": \(cls),
         "pooling_mode_mean_tokens": \(mean), "pooling_mode_max_tokens": \(max)}
        """
      }
      let mean = try open(modes(false, true, false))
      let first = try open(modes(true, false, false))
      #expect(mean.configuration.pooling == .mean)
      #expect(first.configuration.pooling == .first)
      let engine = Engine(pool: WorkerPool(threads: 1), kernels: .fast)
      let texts = ["A carrel is a small private desk."]
      let cosine = try Self.cosine(
        mean.embed(texts, engine: engine)[...], first.embed(texts, engine: engine))
      #expect(cosine < 0.9, "two ways of pooling, two vectors")
      for (text, found) in [
        (modes(false, false, true), "found max_tokens"),
        (modes(true, true, false), "found cls_token, mean_tokens"),
        (modes(false, false, false), "found none"), ("{", "expected JSON"),
      ] {
        #expect {
          try open(text)
        } throws: { error in
          "\(error)".contains(found) && "\(error)".contains("1_Pooling/config.json")
        }
      }
    }
  }

  @Test("An embedding of token types without a row is refused, not read")
  func noTypes() throws {
    try Self.altered { folder in
      let weights = folder.appending(path: "model.safetensors")
      let file = try FileHandle(forReadingFrom: weights)
      let length = try #require(try file.read(upToCount: 8)).reversed().reduce(0) {
        $0 << 8 | Int($1)
      }
      let header = String(decoding: try #require(try file.read(upToCount: length)), as: UTF8.self)
      // The rows stay in the file under another name; weights are not looked at before shapes are.
      let entry = "\"embeddings.token_type_embeddings.weight\":{\"dtype\":\"F32\",\"shape\":[2,384]"
      let changed = header.replacing(
        entry,
        with: entry.replacing("[2,384]", with: "[0,384],\"data_offsets\":[0,0]}")
          + ",\"rows\":{\"dtype\":\"F32\",\"shape\":[2,384]")
      try #require(changed != header)
      let padded = changed + String(repeating: " ", count: (length - changed.utf8.count) & 7)
      let size = try file.seekToEnd() + UInt64(padded.utf8.count - length)
      try FileManager.default.removeItem(at: weights)
      let start = withUnsafeBytes(of: UInt64(padded.utf8.count).littleEndian) { Data($0) }
      try (start + Data(padded.utf8)).write(to: weights)
      try FileHandle(forWritingTo: weights).truncate(atOffset: size)
      let error = #expect(throws: InferenceError.self) {
        try EncoderModel.open(directory: folder.path)
      }
      #expect(error?.message == "expected [1, 384], found [0, 384]")
    }
  }
}
