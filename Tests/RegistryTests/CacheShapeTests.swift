import Registry
import Storage
import Tensors
import TestSupport
import Testing

@Suite("Key/value cache sizes from headers")
struct CacheShapeTests {
  private let folder = TemporaryFolder()

  private func shape(_ architecture: String, _ numbers: [String: UInt32]) throws -> CacheShape? {
    let prefixed = Dictionary(
      uniqueKeysWithValues: numbers.map { ("\(architecture).\($0)", $1) })
    try folder.write(
      TinyModels.gguf(["general.architecture": architecture], prefixed), to: "m.gguf")
    return try ModelHeader.read(gguf: [folder.file("m.gguf")]).cache
  }

  @Test("A llama with grouped heads: layers × heads × (key + value) × 2 bytes for each token")
  func llama() throws {
    let shape = try #require(
      try shape(
        "llama",
        [
          "block_count": 30, "embedding_length": 576, "attention.head_count": 9,
          "attention.head_count_kv": 3,
        ]))
    #expect(shape.byteCount(context: 8192) == 30 * 3 * (64 + 64) * 2 * 8192)
    #expect(shape.byteCount(context: 1) == 30 * 3 * 128 * 2 * 64, "whole tiles of 64 tokens")
    #expect(shape.byteCount(context: 0) == 0)
  }

  @Test("Heads that are not grouped, and head sizes given outright")
  func explicit() throws {
    let shape = try #require(
      try shape(
        "qwen3",
        [
          "block_count": 4, "attention.head_count": 8, "attention.key_length": 128,
          "attention.value_length": 64,
        ]))
    #expect(shape.byteCount(context: 640) == 4 * 8 * 192 * 2 * 640)
  }

  @Test("Gemma 3 keeps five windows of six, and the window needs room for a batch")
  func gemma() throws {
    let shape = try #require(
      try shape(
        "gemma3",
        [
          "block_count": 18, "attention.head_count": 4, "attention.head_count_kv": 1,
          "attention.key_length": 256, "attention.value_length": 256,
          "attention.sliding_window": 512,
        ]))
    #expect(shape.layers.filter { $0.window == 512 }.count == 15)
    let perToken = 512 * 2
    #expect(shape.byteCount(context: 32_768) == perToken * (3 * 32_768 + 15 * (512 + 256 + 64)))
    #expect(shape.byteCount(context: 256) == perToken * 18 * 256)
  }

  @Test("gpt-oss alternates a window of 128 with full attention")
  func gptOSS() throws {
    let shape = try #require(
      try shape(
        "gpt-oss",
        [
          "block_count": 24, "attention.head_count": 64, "attention.head_count_kv": 8,
          "attention.key_length": 64, "attention.value_length": 64,
          "attention.sliding_window": 128, "expert_count": 32,
        ]))
    #expect(shape.layers.map(\.window) == (0..<24).map { $0 % 2 == 0 ? 128 : 0 })
    let perToken = 8 * 128 * 2
    #expect(shape.byteCount(context: 131_072) == perToken * 12 * (131_072 + 128 + 512 + 64))
  }

  @Test("A header without the sizes gives no shape, and absurd sizes saturate")
  func absurd() throws {
    #expect(try shape("llama", ["block_count": 2]) == nil)
    #expect(try shape("llama", ["attention.head_count": 2]) == nil)
    #expect(try shape("llama", ["block_count": 4_000_000_000, "attention.head_count": 1]) == nil)
    #expect(try shape("llama", ["block_count": 1, "attention.head_count": 0]) == nil)
    let most = CacheShape(
      layers: Array(repeating: .init(heads: .max, window: 0), count: 3), keySize: .max,
      valueSize: .max)
    #expect(most.byteCount(context: .max) == .max)
  }
}
