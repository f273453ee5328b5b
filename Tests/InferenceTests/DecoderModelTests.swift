import Compute
import Foundation
import Inference
import Tensors
import Testing

/// Opening models: what is read, and how a file that cannot be used is refused.
@Suite struct DecoderModelTests {
  /// A copy of a micro model with some bytes replaced by as many others, everywhere.
  static func altered(_ name: String, _ from: String, _ to: String) throws -> String {
    precondition(from.utf8.count == to.utf8.count)
    var bytes = try Data(contentsOf: Fixtures.folder.appending(path: "\(name).gguf"))
    let (from, to) = (Data(from.utf8), Data(to.utf8))
    var found = false
    while let range = bytes.range(of: from) {
      bytes.replaceSubrange(range, with: to)
      found = true
    }
    try #require(found)
    let path = FileManager.default.temporaryDirectory
      .appending(path: "carrel-\(UUID().uuidString).gguf")
    try bytes.write(to: path)
    return path.path
  }

  static func failure(_ path: String) -> InferenceError? {
    defer { try? FileManager.default.removeItem(atPath: path) }
    do {
      _ = try DecoderModel.open(path: path)
      return nil
    } catch {
      return error as? InferenceError
    }
  }

  @Test("An unknown architecture is named beside the supported ones")
  func unknownArchitecture() throws {
    let path = try Self.altered("llama3", "llama", "lhama")
    let error = Self.failure(path)
    #expect(error?.code == .unknownArchitecture)
    #expect(error?.description.contains("\"lhama\"") == true)
    #expect(error?.description.contains("llama, smollm3, qwen2, qwen3") == true)
    #expect(error?.description.contains(path) == true)
  }

  @Test("A missing weight is named with its shape")
  func missingTensor() throws {
    let error = Self.failure(
      try Self.altered("llama3", "blk.1.attn_k.weight", "blk.1.attn_x.weight"))
    #expect(error?.code == .missingTensor)
    #expect(error?.subject == "blk.1.attn_k.weight")
    #expect(error?.message.contains("[32, 48]") == true)
  }

  @Test("A weight the network has no place for is refused, not ignored")
  func unusedTensor() throws {
    let error = Self.failure(
      try Self.altered("llama-bias", "blk.1.attn_k.bias", "blk.1.attn_x.bias"))
    #expect(error?.code == .unusedTensor)
    #expect(error?.subject == "blk.1.attn_x.bias")
  }

  @Test(
    "What a family cannot lack is missed, not made up for",
    arguments: [
      ("qwen2", "blk.1.attn_k.bias"), ("gptoss-micro", "blk.2.ffn_down_exps.bias"),
      ("gptoss-micro", "blk.0.attn_output.bias"), ("gptoss-micro", "output.weight"),
    ])
  func missingBias(model: String, weight: String) throws {
    let error = Self.failure(
      try Self.altered(model, weight, weight.replacing("i", with: "x")))
    #expect(error?.code == .missingTensor)
    #expect(error?.subject == weight)
  }

  @Test("A missing metadata key is named")
  func missingKey() throws {
    let error = Self.failure(
      try Self.altered("llama3", "llama.embedding_length", "llama.embedding_lengte"))
    #expect(error?.code == .badMetadata)
    #expect(error?.subject == "llama.embedding_length")
  }

  @Test("gpt-oss: windows on every second layer, sinks, YaRN without rounding")
  func gptOSS() throws {
    let plan = try DecoderModel.open(path: Fixtures.path("gptoss-micro.gguf")).configuration
    #expect(plan.layers.map(\.window) == [16, 0, 16, 0])
    #expect(plan.rules.sinks)
    #expect(plan.experts == ExpertPlan(count: 8, used: 2))
    guard case .yarn(let yarn) = plan.ropes[0].scaling else {
      Issue.record("expected YaRN")
      return
    }
    #expect(!yarn.roundsRange)
  }

  @Test("Gemma 3: five windowed layers with their own base, then one without")
  func gemma3() throws {
    let plan = try DecoderModel.open(path: Fixtures.path("gemma3.gguf")).configuration
    #expect(plan.layers.map(\.window) == [24, 24, 24, 24, 24, 0, 24])
    #expect(plan.layers.map(\.rope) == [1, 1, 1, 1, 1, 0, 1])
    #expect(plan.ropes.map(\.base) == [1_000_000, 10_000])
    #expect(plan.ropes[0].scaling == .linear(factor: 8))
  }

  @Test("SmolLM2 ends turns with <|im_end|> and texts with <|endoftext|>")
  func endTokens() throws {
    let model = try DecoderModel.open(
      path: Fixtures.model("smollm2-135m-instruct-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf"))
    #expect(model.endTokens == [0, 2])
    #expect(model.chatTemplate?.contains("<|im_start|>") == true)
    #expect(model.weightBytes > 90_000_000 && model.weightBytes < 98_362_432)
  }

  @Test("Memory: full layers grow with the context, windowed ones stop")
  func memory() throws {
    let plan = try DecoderConfiguration(GGUFFile(path: Fixtures.path("gptoss-micro.gguf")))
    // Two full layers of 2 key heads: a key and a value of 64 levels of 2 bytes, and a scale each.
    let perPosition = 2 * 2 * 2 * (64 * 2 + 4)
    #expect(
      plan.keyValueBytes(context: 3072) - plan.keyValueBytes(context: 2048) == 1024 * perPosition)
  }
}
