import Compute
import Inference
import Testing
import Tokenization

/// Guessing ahead changes how fast an answer comes, never the answer.
@Suite struct DraftTests {
  /// Continues a prompt as an answer does, with guesses or without.
  static func write(
    _ session: DecodingSession, _ prompt: [TokenID], count: Int, sampling: SamplerSettings,
    guess: ((_ written: [TokenID], _ token: TokenID) -> [TokenID])?
  ) throws -> (ids: [TokenID], accepted: Int) {
    try session.sync(to: prompt)
    var sampler = Sampler(sampling)
    var ids: [TokenID] = []
    var accepted = 0
    var next: TokenID? = session.output.choose(&sampler, history: [])
    while let id = next {
      next = nil
      ids.append(id)
      guard ids.count < count else { break }
      let draft = Array((guess?(prompt + ids.dropLast(), id) ?? []).prefix(count - ids.count - 1))
      guard !draft.isEmpty else {
        try session.advance(id)
        next = session.output.choose(&sampler, history: ids[...])
        continue
      }
      var place = 0
      accepted += try session.advance(id, drafting: draft) { output in
        let chosen = output.choose(&sampler, history: ids[...])
        guard place < draft.count, chosen == draft[place] else {
          next = chosen
          return nil
        }
        place += 1
        ids.append(chosen)
        return chosen
      }
      #expect(session.tokens == prompt + ids)
    }
    return (ids, accepted)
  }

  static func settings(_ temperature: Float, seed: UInt64) -> SamplerSettings {
    SamplerSettings(
      temperature: temperature, topK: 40, topP: 0.95, minP: 0.05, repetitionPenalty: 1.1, seed: seed
    )
  }

  @Test(
    "The answer is the same whatever is guessed, greedy or sampled, also in windowed layers",
    arguments: ["gptoss-micro", "gemma3", "mistral-window", "qwen3moe", "llama3"],
    [0, 0.8] as [Float])
  func sameAnswer(model: String, temperature: Float) throws {
    try Self.expectSameAnswer(model, temperature)
  }

  @Test("The same with keys and values in 8 bits", arguments: ["gptoss-micro", "gemma3"])
  func sameAnswerCompact(model: String) throws {
    try Self.expectSameAnswer(model, 0, cache: .q8)
  }

  static func expectSameAnswer(
    _ model: String, _ temperature: Float, cache: CacheElement? = nil
  ) throws {
    let prompt = DecodingSessionTests.prompt(70)
    let sampling = Self.settings(temperature, seed: 5)
    let plain = try Self.write(
      Self.session(model, cache), prompt, count: 150, sampling: sampling, guess: nil)
    var random = RandomSource(seed: 11)
    // Guesses of all lengths, some of them right: the plain answer with a fault now and then.
    let guessed = try Self.write(
      Self.session(model, cache), prompt, count: 150, sampling: sampling
    ) { written, _ in
      let start = written.count + 1 - prompt.count
      let length = Int.random(in: 0...9, using: &random)
      var draft = Array(plain.ids.dropFirst(start).prefix(length))
      if !draft.isEmpty, Int.random(in: 0..<3, using: &random) == 0 {
        let place = Int.random(in: 0..<draft.count, using: &random)
        draft[place] = (draft[place] + 1) % 200
      }
      return draft
    }
    #expect(guessed.ids == plain.ids)
    #expect(guessed.accepted > 20)
  }

  static func session(_ name: String, _ cache: CacheElement? = nil) throws -> DecodingSession {
    try DecodingSession(
      model: .open(path: Fixtures.path("\(name).gguf")),
      engine: Engine(pool: WorkerPool(threads: 2), kernels: .fast), context: 512,
      cache: cache)
  }

  @Test("A guess is what followed the latest place of the longest agreement")
  func lookup() {
    var lookup = PromptLookup([1, 2, 3, 4, 50, 9, 2, 3, 4, 60, 8, 1, 2, 3])
    lookup.append(4)
    #expect(Array(lookup.guess(limit: 2).draft) == [50, 9])
    #expect(lookup.guess(limit: 2).agreed == 4)
    lookup = PromptLookup([7, 3, 4, 50, 9, 3, 4, 60, 8, 3, 4])
    #expect(Array(lookup.guess(limit: 9).draft) == [60, 8, 3, 4])
    #expect(PromptLookup([1, 2, 3]).guess(limit: 4).draft.isEmpty)
    #expect(PromptLookup([]).guess(limit: 4).draft.isEmpty)
  }

  @Test("Guesses that cost more than they yield are not tried; ones that come true are")
  func policy() {
    var policy = DraftPolicy()
    #expect(policy.length(agreed: 4, limit: 8) == 0)  // Nothing is measured yet.
    policy.took(0.010, length: 0)
    #expect(policy.length(agreed: 4, limit: 8) > 0)
    #expect(policy.length(agreed: 4, limit: 1) == 1)
    // Three guesses cost as much as four plain steps: even sure ones are not worth it.
    for length in 1...DraftPolicy.longest {
      policy.took(0.011 * Double(length + 1), length: length)
    }
    #expect(policy.length(agreed: 4, limit: 8) == 0)
    var cheap = DraftPolicy()
    cheap.took(0.010, length: 0)
    for length in 1...DraftPolicy.longest {
      cheap.took(0.010 + 0.001 * Double(length), length: length, accepted: length)
    }
    let before = cheap.length(agreed: 4, limit: 8)
    for _ in 0..<20 { cheap.checked(agreed: 4, proposed: 7, accepted: 7) }
    #expect(cheap.length(agreed: 4, limit: 8) >= before)
    #expect(cheap.length(agreed: 4, limit: 8) == DraftPolicy.longest)
    for _ in 0..<60 { cheap.checked(agreed: 4, proposed: 7, accepted: 0) }
    #expect(cheap.length(agreed: 4, limit: 8) == 0)
  }

  @Test("However an answer goes on, guessing costs at most a step and two in a hundred")
  func budget() {
    var random = RandomSource(seed: 3)
    for answer in 0..<200 {
      // Checking k guesses costs this much on some machine; luck comes and goes.
      let each = Double.random(in: 0.02...0.6, using: &random)
      var luck = Double.random(in: 0...1, using: &random)
      var policy = DraftPolicy()
      var time = 0.0
      var written = 0
      while written < 300 {
        if Int.random(in: 0..<40, using: &random) == 0 {
          luck = Double.random(in: 0...1, using: &random)
        }
        let agreed = Int.random(in: 2...4, using: &random)
        let length = policy.length(agreed: agreed, limit: 7)
        // The worst of answers copies just long enough to be believed.
        let right =
          answer % 2 == 0
          ? 0
          : (0..<length).prefix { _ in
            Double.random(in: 0..<1, using: &random) < luck
          }.count
        let step = 0.01 * (1 + each * Double(length))
        policy.took(step, length: length, accepted: right)
        if length > 0 { policy.checked(agreed: agreed, proposed: length, accepted: right) }
        time += step
        written += 1 + right
        let plain = 0.01 * Double(written)
        #expect(time <= plain * (1 + DraftPolicy.share) + 0.01 * (DraftPolicy.credit + 3))
      }
    }
  }
}
