import Compute
import Foundation
import Inference
import Testing
import Tokenization

/// What the fast kernels lose, as perplexity of a text.
@Suite struct PerplexityTests {
  /// Relative difference of the fast kernels' perplexity from the exact ones'.
  static let maxDifference = 0.005

  @Test("SmolLM2's perplexity of a text is within half a percent of the exact kernels'")
  func smolLM2() throws {
    let model = try DecoderModel.open(
      path: try Fixtures.model("smollm2-135m-instruct-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf"))
    let text = try String(
      contentsOf: Fixtures.folder.appending(path: "perplexity.txt"), encoding: .utf8)
    let ids = Array(model.tokenizer.encode(text).prefix(400))
    #expect(ids.count == 400)
    func perplexity(_ kernels: KernelChoice) throws -> Double {
      let engine = Engine(pool: WorkerPool(threads: 2), kernels: kernels)
      return try DecodingSession(model: model, engine: engine, context: 400).perplexity(of: ids)
    }
    let (fast, exact) = (try perplexity(.fast), try perplexity(.exact))
    // English prose that no model has seen; a broken network is far from both bounds.
    #expect(exact > 5 && exact < 40)
    #expect(abs(fast / exact - 1) <= Self.maxDifference, "fast \(fast), exact \(exact)")
  }

  @Test("The exact kernels' perplexity of a prompt is the reference's")
  func reference() throws {
    let model = try DecoderModel.open(
      path: try Fixtures.model("smollm2-135m-instruct-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf"))
    let file = Fixtures.folder.appending(path: "smollm2-135m-q4_1.long.json")
    let reference = try JSONDecoder().decode(Reference.self, from: Data(contentsOf: file))
    // At each position that of the token after it; the last has none.
    let losses = reference.prompt_nll.dropLast()
    let expected = exp(losses.reduce(0, +) / Double(losses.count))
    let engine = Engine(pool: WorkerPool(threads: 2), kernels: .exact)
    let session = try DecodingSession(model: model, engine: engine, context: 256)
    let own = try session.perplexity(of: reference.prompt_tokens)
    #expect(abs(own / expected - 1) < 1e-4, "\(own), reference \(expected)")
    let single = try session.perplexity(of: [5])
    #expect(single == .infinity)
  }

  struct Reference: Decodable {
    let prompt_tokens: [TokenID]
    let prompt_nll: [Double]
  }
}
