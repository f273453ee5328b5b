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
    #expect(worst >= 0.9999)
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

  @Test("A folder that lacks a file is refused by the file's name")
  func missing() {
    #expect(throws: (any Error).self) { try EncoderModel.open(directory: "/nonexistent") }
  }
}
