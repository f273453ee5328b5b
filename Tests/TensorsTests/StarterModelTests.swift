import Glibc
import Storage
import Tensors
import Testing

@Suite("The starter models")
struct StarterModelTests {
  /// A file under `$CARREL_MODELS`, or `Models/` at the package's root. `make models` puts it there.
  private func path(_ name: String, file: String = #filePath) throws -> String {
    let root = file.split(separator: "/").dropLast(3).joined(separator: "/")
    let models = getenv("CARREL_MODELS").map { String(cString: $0) } ?? "/\(root)/Models"
    let path = "\(models)/\(name)"
    return try #require(
      FileStatus(path: path) != nil ? path : nil, "\(path) is missing: run make models")
  }

  /// The fastest of ten openings, in milliseconds.
  private func openingTime(_ path: String) throws -> Double {
    var best = Double.infinity
    for _ in 0..<10 {
      let start = ContinuousClock.now
      let file = try GGUFFile(path: path)
      let time = ContinuousClock.now - start
      best = min(
        best, Double(time.components.attoseconds) / 1e15 + Double(time.components.seconds) * 1e3)
      withExtendedLifetime(file) {}
    }
    return best
  }

  private func typeCounts(_ source: some TensorSource) -> [ElementType: Int] {
    var counts: [ElementType: Int] = [:]
    for name in source.tensorNames { counts[source.tensor(named: name)!.type, default: 0] += 1 }
    return counts
  }

  /// Expected values from the `gguf` package for Python.
  @Test("SmolLM2 opens within 10 ms with the tensors and metadata its file lists")
  func smolLM2() throws {
    let path = try path("smollm2-135m-instruct-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf")
    let file = try GGUFFile(path: path)
    #expect(file.version == 3)
    #expect(file.tensorNames.count == 272)
    #expect(file.metadata.count == 33)
    #expect(typeCounts(file) == [.q4_1: 210, .f32: 61, .q8_0: 1])
    let embedding = try #require(file.tensor(named: "token_embd.weight"))
    #expect(embedding.shape == [49152, 576])
    #expect(embedding.range == 1_785_664..<(1_785_664 + 30_081_024))
    let down = try #require(file.tensor(named: "blk.0.ffn_down.weight"))
    #expect(down.shape == [576, 1536])
    #expect(down.range == 31_868_992..<(31_868_992 + 552_960))
    #expect(file.metadata["general.architecture"]?.string == "llama")
    #expect(file.metadata["llama.block_count"]?.int == 30)
    #expect(file.metadata["tokenizer.ggml.merges"]?.strings?.count == 48_900)
    let tokens = try #require(file.metadata["tokenizer.ggml.tokens"]?.strings)
    #expect(tokens.count == 49_152)
    #expect(tokens.text(1) == "<|im_start|>")
    #expect(try openingTime(path) < 10)
  }

  @Test("Gemma opens within 25 ms with the tensors and metadata its file lists")
  func gemma() throws {
    let path = try path("gemma-3-270m-q4_k_m/gemma-3-270m-q4_k_m.gguf")
    let file = try GGUFFile(path: path)
    #expect(file.tensorNames.count == 236)
    #expect(file.metadata.count == 33)
    #expect(typeCounts(file) == [.f32: 109, .q5_0: 81, .q4_K: 27, .q8_0: 10, .q6_K: 9])
    let embedding = try #require(file.tensor(named: "token_embd.weight"))
    #expect(embedding.shape == [262_144, 640])
    #expect(embedding.range == 6_527_680..<(6_527_680 + 178_257_920))
    #expect(file.metadata["gemma3.attention.sliding_window"]?.int == 512)
    #expect(file.metadata["tokenizer.ggml.tokens"]?.strings?.count == 262_144)
    #expect(file.metadata["tokenizer.ggml.scores"]?.floats?.count == 262_144)
    #expect(file.metadata["tokenizer.ggml.token_type"]?.integers?.count == 262_144)
    #expect(try openingTime(path) < 25)
  }

  @Test("MiniLM's safetensors opens with its 104 tensors")
  func miniLM() throws {
    let folder = try path("all-minilm-l6-v2")
    let weights = try SafetensorsFolder(path: folder)
    #expect(weights.tensorNames.count == 104)
    #expect(typeCounts(weights) == [.f32: 103, .i64: 1])
    #expect(weights.tensor(named: "embeddings.word_embeddings.weight")?.shape == [30_522, 384])
    #expect(
      weights.tensor(named: "encoder.layer.5.intermediate.dense.weight")?.shape == [1536, 384])
  }
}
