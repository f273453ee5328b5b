import Compute
import Inference
import Testing
import Tokenization

/// A next prompt goes on from where the last one ended, also when windowed layers' rings have lost
/// what lay there.
@Suite struct PromptReuseTests {
  static func session(
    _ name: String = "gptoss-micro", batch: Int = 512, threads: Int = 2,
    cache: CacheElement? = nil
  ) throws -> DecodingSession {
    try DecodingSession(
      model: .open(path: Fixtures.path("\(name).gguf")),
      engine: Engine(pool: WorkerPool(threads: threads), kernels: .fast), context: 4096,
      batch: batch, cache: cache)
  }

  static func expectEqual(
    _ session: DecodingSession, _ ids: [TokenID], cache: CacheElement? = nil
  ) throws {
    let fresh = try Self.session(batch: 512, cache: cache)
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

  @Test(
    "Questions asked again go on from the border before them, new conversations after the rules",
    arguments: [CacheElement.q16, .q8], [32, 512])
  func borders(cache: CacheElement, batch: Int) throws {
    let session = try Self.session(batch: batch, cache: cache)
    let start = DecodingSessionTests.prompt(900)
    func answer(_ seed: UInt64) throws {
      for token in DecodingSessionTests.prompt(700, seed: seed) { try session.advance(token) }
    }
    // Most important first, as CarrelKit gives them; 100 is the end of the instructions.
    #expect(
      try session.sync(to: start, borders: [500, 100, 300])
        == .init(reused: 0, evaluated: 900, cancelled: false))
    try answer(3)
    let edited = start.prefix(500) + DecodingSessionTests.prompt(90, seed: 4)
    #expect(
      try session.sync(to: Array(edited), borders: [500, 100, 300])
        == .init(reused: 500, evaluated: 90, cancelled: false))
    try Self.expectEqual(session, Array(edited), cache: cache)
    try answer(5)
    // Edited once more, and further up.
    let again = start.prefix(300) + DecodingSessionTests.prompt(80, seed: 6)
    #expect(
      try session.sync(to: Array(again), borders: [300, 100])
        == .init(reused: 300, evaluated: 80, cancelled: false))
    try Self.expectEqual(session, Array(again), cache: cache)
    try answer(7)
    let new = start.prefix(100) + DecodingSessionTests.prompt(20, seed: 8)
    #expect(
      try session.sync(to: Array(new), borders: [100])
        == .init(reused: 100, evaluated: 20, cancelled: false))
    try Self.expectEqual(session, Array(new), cache: cache)
  }

  @Test("Gemma 3 reads an edited question again and nothing before it")
  func gemma() throws {
    let model = try DecoderModel.open(path: try Fixtures.model(LogitsTests.gemma))
    let engine = Engine(pool: WorkerPool(threads: 2), kernels: .fast)
    func session() throws -> DecodingSession {
      try DecodingSession(model: model, engine: engine, context: 2048)
    }
    let (own, fresh) = (try session(), try session())
    let start = DecodingSessionTests.prompt(1500)
    try own.sync(to: start, borders: [300, 40])
    let edited = Array(start.prefix(300) + DecodingSessionTests.prompt(30, seed: 4))
    #expect(
      try own.sync(to: edited, borders: [300, 40])
        == .init(reused: 300, evaluated: 30, cancelled: false))
    // Without borders all of it is read again, to the same bits.
    try fresh.sync(to: start)
    #expect(try fresh.sync(to: edited).reused == 0)
    #expect(DecodingSessionTests.bits(own) == DecodingSessionTests.bits(fresh))
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

  @Test(
    "Random timelines of prompts, answers and steps back give the bits of fresh sessions",
    arguments: [CacheElement.q16, .q8])
  func randomTimelines(cache: CacheElement) throws {
    var random = RandomSource(seed: 11)
    let session = try Self.session(batch: 32, cache: cache)
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
      let borders = (0..<step % 4).map { _ in Int.random(in: 0...ids.count, using: &random) }
      let result = try session.sync(to: ids, borders: borders)
      if result.reused > 0 { resumed += 1 }
      try Self.expectEqual(session, ids, cache: cache)
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
    #expect(short.checkpoints == 0 && long.checkpoints > 0)
  }
}
