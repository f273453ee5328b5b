import Glibc
import Registry
import Storage
import Testing

@Suite("The starter models in the registry")
struct StarterModelTests {
  /// `$CARREL_MODELS`, or `Models/` at the package's root; `make models` fills it. The catalogue is the
  /// repository's own.
  private func registry() throws -> ModelRegistry {
    let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let models = getenv("CARREL_MODELS").map { String(cString: $0) } ?? "\(root)/Models"
    return try ModelRegistry(modelsFolder: models) { _ in nil }
  }

  @Test("Are found with the facts of their headers, and the better one comes first")
  func found() throws {
    let registry = try registry()
    let smol = try registry.find("smollm2-135m")
    let header = try #require(smol.header)
    #expect((smol.role, header.architecture, header.quantization) == (.generate, "llama", "Q4_1"))
    #expect((header.parameters, header.context) == (134_515_008, 8192))
    #expect(header.weightBytes == 96_576_768)
    #expect(header.cache?.byteCount(context: 8192) == 188_743_680)
    let gemma = try registry.find("gemma-3-270m")
    #expect((gemma.header?.parameters, gemma.header?.context) == (268_098_176, 32_768))
    #expect(gemma.header?.quantization == "Q4_K_M")
    #expect(smol.rank > gemma.rank, "a model tuned to answer before one that is not")
    let encoder = try registry.find("all-minilm-l6-v2")
    #expect((encoder.role, encoder.header?.format) == (.embed, .safetensors))
    #expect((encoder.header?.parameters, encoder.maximumContext) == (22_713_216, 256))
    #expect(encoder.sizeBytes == 91_567_093)
    for model in [smol, gemma, encoder] { #expect(model.isUsable, "\(model.id)") }
  }

  @Test("Pass the gate on this machine")
  func gate() throws {
    let candidates = try registry().gateCandidates().filter { $0.id.hasPrefix("smollm2") }
    #expect(!candidates.isEmpty)
    let decision = MemoryGate.decide(
      snapshot: .read(), candidates: candidates, context: 2048, floor: 512)
    #expect(decision.choice?.id == "smollm2-135m-instruct-q4_1", "\(decision.explanation)")
  }
}
