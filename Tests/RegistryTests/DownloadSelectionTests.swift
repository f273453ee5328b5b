import Registry
import Testing

@Suite struct DownloadSelectionTests {
  private func choose(_ reference: String, from paths: [String]) throws -> [String] {
    let files = paths.compactMap {
      HubFile(path: $0, size: 1, hash: .sha256(DownloadStateTests.hash))
    }
    return try FileSelection.choose(from: files, for: try HubReference(reference)).map(\.path)
  }

  static let quants = [
    "README.md", "m-BF16.gguf", "m-IQ4_XS.gguf", "m-Q4_K_M.gguf", "m-Q8_0.gguf",
    "m-UD-Q4_K_XL.gguf",
    "mmproj-F16.gguf", "imatrix_unsloth.gguf", "config.json",
  ]

  @Test("Takes the quantisation that was named, in any case, and nothing else")
  func named() throws {
    #expect(try choose("o/n:q8_0", from: Self.quants) == ["m-Q8_0.gguf"])
    #expect(try choose("o/n:UD-Q4_K_XL", from: Self.quants) == ["m-UD-Q4_K_XL.gguf"])
    #expect(try choose("o/n:Q4_K_XL", from: Self.quants) == ["m-UD-Q4_K_XL.gguf"])
    #expect(try choose("o/n:m-BF16.gguf", from: Self.quants) == ["m-BF16.gguf"])
    #expect(try choose("o/n:m-BF16", from: Self.quants) == ["m-BF16.gguf"])
  }

  @Test("Prefers Q4_K_M when nothing was named, and a single file whatever it is called")
  func unnamed() throws {
    #expect(try choose("o/n", from: Self.quants) == ["m-Q4_K_M.gguf"])
    #expect(
      try choose("ggml-org/gpt-oss-20b-GGUF", from: ["README.md", "gpt-oss-20b-MXFP4.gguf"])
        == ["gpt-oss-20b-MXFP4.gguf"])
    #expect(try choose("o/n", from: ["x/whatever.gguf", "y.txt"]) == ["x/whatever.gguf"])
  }

  @Test("Says what there is when the choice fits nothing or several")
  func failures() throws {
    func message(_ reference: String, _ paths: [String]) -> String {
      do {
        return "chose \(try choose(reference, from: paths))"
      } catch { return "\(error)" }
    }
    #expect(message("o/n:Q2_K", Self.quants).contains("Q4_K_M, Q8_0"))
    #expect(
      message("o/n:Q8_0", ["a-Q8_0.gguf", "b-Q8_0.gguf"]).contains("a-Q8_0.gguf, b-Q8_0.gguf"))
    #expect(message("o/n", ["a-Q8_0.gguf", "b-Q8_0.gguf"]).contains("o/n:NAME"))
    #expect(message("o/n", ["README.md"]).contains("neither GGUF files nor model.safetensors"))
    #expect(message("o/n:Q8_0", ["model.safetensors", "config.json"]).contains("no GGUF files"))
  }

  @Test("Takes all parts of a split file, or refuses when one is missing")
  func shards() throws {
    let parts = (1...3).map { "Q4_K_M/m-Q4_K_M-0000\($0)-of-00003.gguf" }
    #expect(try choose("o/n:Q4_K_M", from: parts + ["m-Q8_0.gguf"]) == parts)
    #expect(throws: HubError.self) { try choose("o/n:Q4_K_M", from: Array(parts.dropLast())) }
    let safe = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    let beside = ["config.json", "model.safetensors.index.json", "tokenizer.json"]
    #expect(
      Set(try choose("o/n", from: safe + beside + ["original/x.safetensors"])) == Set(safe + beside)
    )
    #expect(throws: HubError.self) { try choose("o/n", from: [safe[0]] + beside) }
    #expect(throws: HubError.self) { try choose("o/n", from: safe + ["config.json"]) }
  }

  /// The files of openai/gpt-oss-20b: three shards, counted from 0 to 2 of 2.
  @Test("Takes all shards of a repository that counts from zero")
  func shardsFromZero() throws {
    let beside = ["config.json", "model.safetensors.index.json"]
    func shards(_ numbers: ClosedRange<Int>, of count: Int) -> [String] {
      numbers.map { "model-0000\($0)-of-0000\(count).safetensors" }
    }
    for shards in [shards(0...2, of: 2), shards(0...1, of: 2)] {
      #expect(Set(try choose("o/n", from: shards + beside)) == Set(shards + beside))
    }
    #expect(throws: HubError.self) { try choose("o/n", from: [shards(0...2, of: 2)[0]] + beside) }
  }

  @Test("Takes one set of weights and the small files beside it from an embedder's repository")
  func safetensors() throws {
    let wanted = [
      "1_Pooling/config.json", "config.json", "model.safetensors", "modules.json",
      "tokenizer.json", "vocab.txt",
    ]
    let rest = [
      "onnx/model.onnx", "openvino/openvino_model.bin", "pytorch_model.bin", "tf_model.h5",
      "model.fp16.safetensors", "onnx/config.json", "data_config.json", "README.md",
    ]
    #expect(try choose("o/n", from: rest + wanted) == wanted)
  }

  @Test("Takes exactly the files a catalogue entry lists, or says which is missing")
  func listed() throws {
    let files = Self.quants.compactMap {
      HubFile(path: $0, size: 1, hash: .sha256(DownloadStateTests.hash))
    }
    let reference = try HubReference(repository: "o/n", files: ["m-Q8_0.gguf"])
    #expect(try FileSelection.choose(from: files, for: reference).map(\.path) == ["m-Q8_0.gguf"])
    let other = try HubReference(repository: "o/n", files: ["gone.gguf"])
    #expect(throws: HubError.self) { try FileSelection.choose(from: files, for: other) }
  }
}
