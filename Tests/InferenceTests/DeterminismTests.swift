import Compute
import Foundation
import Inference
import Testing
import Tokenization

/// Logits are the same bits whatever the thread count and however a prompt is cut.
@Suite struct DeterminismTests {
  static func bits(_ session: DecodingSession) -> [UInt32] { session.logits.map(\.bitPattern) }

  static func random(_ seed: UInt64) -> RandomSource { RandomSource(seed: seed) }

  /// Evaluates a prompt in random pieces: some batched, some token by token.
  static func evaluate(
    _ prompt: [TokenID], _ session: DecodingSession, cuts random: inout RandomSource
  ) throws {
    var done = 0
    while done < prompt.count {
      let piece = Int.random(in: 1...max(1, prompt.count / 3), using: &random)
      let end = min(prompt.count, done + piece)
      if Bool.random(using: &random) {
        _ = try session.sync(to: Array(prompt[..<end]))
      } else {
        for token in prompt[done..<end] { try session.advance(token) }
      }
      done = end
    }
  }

  @Test(
    "Any threads, batch sizes and cuts give equal bits",
    arguments: ["gptoss-micro", "gptoss-micro-b", "gemma3", "llama3", "qwen3moe"],
    [KernelChoice.fast, .exact])
  func invariance(name: String, kernels: KernelChoice) throws {
    let model = try DecoderModel.open(path: Fixtures.path("\(name).gguf"))
    var random = Self.random(7)
    let prompt = (0..<140).map { _ in
      TokenID.random(in: 0..<TokenID(model.configuration.vocabulary), using: &random)
    }
    let one = Engine(pool: WorkerPool(threads: 1), kernels: kernels)
    for precision in [ActivationPrecision.int8, .mixed, .int16] {
      let reference = try DecodingSession(
        model: model, engine: one, context: 200, precision: precision)
      try reference.sync(to: prompt)
      let expected = Self.bits(reference)
      for threads in 1...3 {
        let engine = Engine(pool: WorkerPool(threads: threads), kernels: kernels)
        for batch in [1, 7, 64, 512] {
          let session = try DecodingSession(
            model: model, engine: engine, context: 200, batch: batch, precision: precision)
          try Self.evaluate(prompt, session, cuts: &random)
          #expect(
            Self.bits(session) == expected, "threads \(threads), batch \(batch), \(precision)")
        }
      }
    }
  }

  @Test(
    "8-bit keys and values: any threads, batch sizes, cuts and instruction sets give equal bits",
    arguments: ["gptoss-micro", "gemma3", "qwen3moe"])
  func compactCache(name: String) throws {
    let model = try DecoderModel.open(path: Fixtures.path("\(name).gguf"))
    var random = Self.random(13)
    let prompt = (0..<170).map { _ in
      TokenID.random(in: 0..<TokenID(model.configuration.vocabulary), using: &random)
    }
    var expected: [UInt32]?
    for threads in 1...3 {
      let engine = Engine(pool: WorkerPool(threads: threads), kernels: .fast)
      for set in VectorKernels.InstructionSet.allCases {
        guard let kernels = VectorKernels(set) else { continue }
        for batch in [1, 33, 512] {
          let session = try DecodingSession(
            model: model, engine: engine, context: 200, batch: batch, cache: .q8, kernels: kernels)
          try Self.evaluate(prompt, session, cuts: &random)
          expected = expected ?? Self.bits(session)
          #expect(Self.bits(session) == expected, "threads \(threads), \(set), batch \(batch)")
        }
      }
    }
    let half = try DecodingSession(
      model: model, engine: Engine(pool: WorkerPool(threads: 1)), context: 200)
    try half.sync(to: prompt)
    #expect(Self.bits(half) != expected, "8 bits are meant to differ from 16")
  }

  @Test("SmolLM2: any threads and cuts give equal bits", arguments: [KernelChoice.fast, .exact])
  func smolLM2(kernels: KernelChoice) throws {
    let model = try DecoderModel.open(
      path: Fixtures.model("smollm2-135m-instruct-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf"))
    let prompt = try ReferenceCase.load("smollm2-135m-q4_1.mixed").prompt
    var random = Self.random(11)
    var expected: [UInt32]?
    for threads in 1...3 {
      let engine = Engine(pool: WorkerPool(threads: threads), kernels: kernels)
      let session = try DecodingSession(model: model, engine: engine, context: 600)
      try session.sync(to: prompt)
      expected = expected ?? Self.bits(session)
      #expect(Self.bits(session) == expected)
      try session.sync(to: [])
      try Self.evaluate(prompt, session, cuts: &random)
      #expect(Self.bits(session) == expected)
    }
  }

  @Test("Logits of several positions at once equal those of one after the other")
  func extending() throws {
    let model = try DecoderModel.open(path: Fixtures.path("gptoss-micro.gguf"))
    let engine = Engine(pool: WorkerPool(threads: 2), kernels: .fast)
    let batched = try DecodingSession(model: model, engine: engine, context: 100)
    let single = try DecodingSession(model: model, engine: engine, context: 100)
    var random = Self.random(3)
    let prompt = (0..<60).map { _ in TokenID.random(in: 0..<1045, using: &random) }
    var rows: [[UInt32]] = []
    try batched.extend(by: prompt) { _, logits in rows.append(logits.map(\.bitPattern)) }
    for (token, row) in zip(prompt, rows) {
      try single.advance(token)
      #expect(Self.bits(single) == row)
    }
    #expect(Self.bits(batched) == rows.last)
  }

  @Test("Every instruction set gives equal logits")
  func instructionSets() throws {
    let model = try DecoderModel.open(path: Fixtures.path("gemma3.gguf"))
    let engine = Engine(pool: WorkerPool(threads: 1), kernels: .exact)
    let prompt = (0..<70).map { TokenID($0 * 31 % 320) }
    for cache in [CacheElement.q16, .f32] {
      var expected: [UInt32]?
      for set in VectorKernels.InstructionSet.allCases {
        guard let kernels = VectorKernels(set) else { continue }
        let session = try DecodingSession(
          model: model, engine: engine, context: 100, cache: cache, kernels: kernels)
        try session.sync(to: prompt)
        expected = expected ?? Self.bits(session)
        #expect(Self.bits(session) == expected, "\(set), \(cache)")
      }
    }
  }
}
