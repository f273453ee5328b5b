import Compute
import Inference
import Testing
import Tokenization

/// A next prompt goes on from where the last one ended, also when windowed layers' rings have lost
/// what lay there.
@Suite struct PromptReuseTests {
  static func session(
    _ name: String = "gptoss-micro", batch: Int = 512, threads: Int = 2
  ) throws -> DecodingSession {
    try DecodingSession(
      model: .open(path: Fixtures.path("\(name).gguf")),
      engine: Engine(pool: WorkerPool(threads: threads), kernels: .fast), context: 4096,
      batch: batch)
  }

  static func expectEqual(_ session: DecodingSession, _ ids: [TokenID]) throws {
    let fresh = try Self.session(batch: 512)
    try fresh.sync(to: ids)
    #expect(DecodingSessionTests.bits(session) == DecodingSessionTests.bits(fresh))
  }

  /// Random lengths, the same in every run.
  static let cases: [(prompt: Int, generated: Int, batch: Int)] = {
    var random = RandomSource(seed: 7)
    let window = 16
    return [(300, 3 * window + 700, 512), (17, 700, 512), (64, 1, 32), (128, 748, 64)]
      + (0..<20).map { _ in
        (
          Int.random(in: 1...400, using: &random),
          Int.random(in: 1...3 * window + 700, using: &random),
          [32, 64, 512].randomElement(using: &random) ?? 64
        )
      }
  }()

  @Test(
    "After any length of answer the next prompt reuses the last one whole, to the same bits",
    arguments: cases)
  func nextPrompt(prompt: Int, generated: Int, batch: Int) throws {
    let session = try Self.session(batch: batch)
    let start = DecodingSessionTests.prompt(prompt)
    try session.sync(to: start)
    let answer = DecodingSessionTests.prompt(generated, seed: 3)
    for token in answer { try session.advance(token) }
    // What Harmony does: the stored answer is another than the one written.
    let next = start + [700] + DecodingSessionTests.prompt(60, seed: 4)
    let result = try session.sync(to: next)
    #expect(result == .init(reused: prompt, evaluated: 61, cancelled: false))
    try Self.expectEqual(session, next)
    // And the turn after that.
    for token in answer.prefix(600) { try session.advance(token) }
    let third = next + [701] + DecodingSessionTests.prompt(30, seed: 5)
    #expect(try session.sync(to: third).reused == next.count)
    try Self.expectEqual(session, third)
  }

  @Test("A prompt that agrees some tokens further goes on from the end of the last one")
  func agreesFurther() throws {
    let session = try Self.session(batch: 32)
    let start = DecodingSessionTests.prompt(200)
    let answer = DecodingSessionTests.prompt(500, seed: 3)
    try session.sync(to: start)
    for token in answer { try session.advance(token) }
    let next = start + answer.prefix(40) + [700, 701]
    #expect(try session.sync(to: next) == .init(reused: 200, evaluated: 42, cancelled: false))
    try Self.expectEqual(session, next)
  }

  @Test(
    "A prompt that parts up to a tile before the end of the last one goes on from there",
    arguments: [1, 20, 56])
  func partsEarlier(by tokens: Int) throws {
    let session = try Self.session(batch: 32)
    let start = DecodingSessionTests.prompt(200)
    try session.sync(to: start)
    for token in DecodingSessionTests.prompt(500, seed: 3) { try session.advance(token) }
    let next = start.dropLast(tokens) + [700, 701]
    #expect(try session.sync(to: Array(next)).reused == 200 - tokens)
    try Self.expectEqual(session, Array(next))
  }

  @Test("The prompt before a loop of tool calls is still there after its rounds")
  func toolLoop() throws {
    let session = try Self.session(batch: 32)
    let start = DecodingSessionTests.prompt(150)
    try session.sync(to: start)
    var whole = start
    for round in 0..<3 {
      let call = DecodingSessionTests.prompt(90, seed: UInt64(10 + round))
      for token in call { try session.advance(token) }
      whole += call + DecodingSessionTests.prompt(120, seed: UInt64(20 + round))
      try session.sync(to: whole)
    }
    let next = start + [700] + DecodingSessionTests.prompt(20, seed: 30)
    #expect(try session.sync(to: next).reused == 150)
    try Self.expectEqual(session, next)
  }

  @Test("Random timelines of prompts, answers and steps back give the bits of fresh sessions")
  func randomTimelines() throws {
    var random = RandomSource(seed: 11)
    let session = try Self.session(batch: 32)
    var ids: [TokenID] = []
    var resumed = 0
    for step in 0..<60 {
      let shared = Int.random(in: 0...session.tokens.count, using: &random)
      // Mostly near the ends of earlier prompts, where the copies are.
      let keep = step % 3 == 0 ? shared : min(ids.count, session.tokens.count)
      let fresh = DecodingSessionTests.prompt(
        Int.random(in: 1...200, using: &random), seed: UInt64(100 + step))
      ids = Array(session.tokens.prefix(keep)) + fresh
      if ids.count > 1500 { ids = fresh }
      let result = try session.sync(to: ids)
      if result.reused > 0 { resumed += 1 }
      try Self.expectEqual(session, ids)
      for token in DecodingSessionTests.prompt(
        Int.random(in: 0...300, using: &random), seed: UInt64(500 + step))
      { try session.advance(token) }
    }
    #expect(resumed > 20)
  }

  @Test("A session whose rings hold its whole context keeps no copies")
  func noCopies() throws {
    let plan = try DecoderModel.open(path: Fixtures.path("gptoss-micro.gguf")).configuration
    let short = plan.memory(context: 512, weightBytes: 0)
    let long = plan.memory(context: 4096, weightBytes: 0)
    #expect(short.scratch < long.scratch)
  }
}
