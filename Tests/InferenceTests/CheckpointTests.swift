import Compute
import Foundation
import Inference
import Testing
import Tokenization

/// gpt-oss from safetensors shards, against the same network as GGUF (gguf_to_safetensors.py).
@Suite struct CheckpointTests {
  static let folder = Fixtures.path("gptoss-bf16")
  static let gguf = Fixtures.path("gptoss-bf16.gguf")

  @Test("Both containers describe one network")
  func configuration() throws {
    let a = try DecoderModel.open(path: Self.folder)
    let b = try DecoderModel.open(path: Self.gguf)
    #expect(a.configuration == b.configuration)
    #expect(a.endTokens == b.endTokens)
    #expect(a.tokenizer.bos == b.tokenizer.bos)
  }

  @Test("The template beside the weights is read as it stands there")
  func template() throws {
    let written = "<|start|>{{ role }}<|message|>{{ content }}<|end|>\n"
    let read = try DecoderModel.open(path: Self.folder).chatTemplate
    #expect(read.map { Array($0.utf8) } == Array(written.utf8))
  }

  @Test("Key heads that do not divide the heads are refused, whichever container says so")
  func keyHeads() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "carrel-\(UUID())")
    try FileManager.default.copyItem(at: URL(filePath: Self.folder), to: folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    let config = folder.appending(path: "config.json")
    let text = try String(contentsOf: config, encoding: .utf8)
    let odd = text.replacing("\"num_key_value_heads\": 2", with: "\"num_key_value_heads\": 3")
    try #require(odd != text)
    try odd.write(to: config, atomically: true, encoding: .utf8)
    let error = #expect(throws: InferenceError.self) { try DecoderModel.open(path: folder.path) }
    #expect(error?.code == .badMetadata)
    #expect(error?.message.contains("a divisor of 4 heads, found 3") == true)
  }

  @Test("Both containers give equal logits, bit for bit", arguments: [KernelChoice.exact, .fast])
  func logits(kernels: KernelChoice) throws {
    let engine = Engine(pool: WorkerPool(threads: 2), kernels: kernels)
    var random = RandomSource(seed: 5)
    let prompt = (0..<150).map { _ in TokenID.random(in: 0..<300, using: &random) }
    let results = try [Self.folder, Self.gguf].map { path in
      let session = try DecodingSession(
        model: .open(path: path), engine: engine, context: 200)
      try session.sync(to: prompt)
      return session.logits.map(\.bitPattern)
    }
    #expect(results[0] == results[1])
    #expect(Set(results[0]).count > 200)
  }

  @Test("Both tokenizers cut a text alike")
  func tokens() throws {
    let text = "Hello, wörld! 12345\n\n  mixed  CaseWords <|start|>"
    let a = try DecoderModel.open(path: Self.folder).tokenizer
    let b = try DecoderModel.open(path: Self.gguf).tokenizer
    #expect(a.encode(text) == b.encode(text))
    #expect(a.encode(text, special: .parsed) == b.encode(text, special: .parsed))
    #expect(a.decode(a.encode(text)) == text)
  }

  @Test("A folder of another kind of model is named")
  func otherModel() throws {
    let encoder = try Fixtures.model("all-minilm-l6-v2/config.json")
    #expect {
      try DecoderModel.open(path: String(encoder.dropLast("/config.json".count)))
    } throws: { error in
      (error as? InferenceError)?.code == .unknownArchitecture
        && "\(error)".contains("\"bert\"")
    }
  }
}
