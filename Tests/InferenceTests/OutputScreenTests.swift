import Compute
import Inference
import Testing
import Tokenization

/// Looking for the likeliest tokens with a coarse output matrix changes no choice.
@Suite struct OutputScreenTests {
  private static let settings: [SamplerSettings] = [
    .greedy,
    SamplerSettings(temperature: 0, repetitionPenalty: 1.3),
    SamplerSettings(temperature: 0.2, repetitionPenalty: 1.1, repetitionWindow: 128, seed: 3),
    SamplerSettings(temperature: 0.8, seed: 4),
    SamplerSettings(temperature: 0.8, repetitionPenalty: 0.8, seed: 5),
    SamplerSettings(temperature: 1.5, topK: 0, topP: 1, minP: 0, seed: 6),
  ]

  /// Answers with and without screening, and how many logits were computed by themselves.
  private static func answers(
    _ model: DecoderModel, count: Int, _ settings: SamplerSettings, guessing: Bool
  ) throws -> (plain: [TokenID], screened: [TokenID], found: Int) {
    let engine = Engine(pool: WorkerPool(threads: 2))
    func session(_ screening: Bool) throws -> DecodingSession {
      try DecodingSession(
        model: model, engine: engine, context: 70 + count, screening: screening)
    }
    let prompt = DecodingSessionTests.prompt(60)
    let plain = try DraftTests.write(
      session(false), prompt, count: count, sampling: settings, guess: nil)
    let screening = try session(true)
    let screened = try DraftTests.write(
      screening, prompt, count: count, sampling: settings,
      guess: guessing
        ? { written, _ in
          Array(plain.ids.dropFirst(written.count + 1 - prompt.count).prefix(5)) + [1]
        } : nil)
    return (plain.ids, screened.ids, screening.screenedLogits)
  }

  @Test(
    "The answer is the same, greedy or sampled, penalised or guessed",
    arguments: ["gptoss-micro", "gemma3", "llama3", "qwen3moe", "mistral-window"])
  func sameAnswer(name: String) throws {
    let model = try DecoderModel.open(path: Fixtures.path("\(name).gguf"))
    for (index, settings) in Self.settings.enumerated() {
      for guessing in [false, true] {
        let answers = try Self.answers(model, count: 60, settings, guessing: guessing)
        #expect(answers.screened == answers.plain, "setting \(index)")
      }
    }
  }

  @Test(
    "The answer of a real model is the same, and few logits are computed for it",
    arguments: [
      "smollm2-135m-instruct-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf",
      "gemma-3-270m-q4_k_m/gemma-3-270m-q4_k_m.gguf",
    ])
  func realModel(file: String) throws {
    let model = try DecoderModel.open(path: Fixtures.model(file))
    #expect(model.isScreened(.fast) && !model.isScreened(.exact))
    for (index, settings) in Self.settings.prefix(4).enumerated() {
      let answers = try Self.answers(model, count: 40, settings, guessing: index % 2 == 0)
      #expect(answers.screened == answers.plain, "setting \(index)")
      #expect(answers.found >= 40 && answers.found < 40 * model.configuration.vocabulary / 40)
    }
  }

  @Test("What is near is what all logits say, penalised tokens included")
  func near() throws {
    let model = try DecoderModel.open(
      path: Fixtures.model("smollm2-135m-instruct-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf"))
    let engine = Engine(pool: WorkerPool(threads: 2))
    let session = try DecodingSession(model: model, engine: engine, context: 300)
    var random = RandomSource(seed: 8)
    for length in [1, 2, 17, 90] {
      try session.sync(to: DecodingSessionTests.prompt(length))
      var history = (0..<40).map { _ in TokenID.random(in: 0..<49152, using: &random) }
      var greedy = Sampler(SamplerSettings(temperature: 0, repetitionPenalty: 1.5))
      var likeliest: [TokenID] = []
      // Each choice is penalised for the next, so that the choices go down the list.
      for _ in 0..<12 {
        let chosen = session.output.choose(&greedy, history: history[...])
        likeliest.append(chosen)
        history.append(chosen)
      }
      let logits = Array(session.logits)
      var replay = history.dropLast(12)
      for chosen in likeliest {
        let expected = logits.withUnsafeBufferPointer { greedy.sample($0, history: replay[...]) }
        #expect(chosen == expected)
        replay.append(chosen)
      }
    }
  }
}
