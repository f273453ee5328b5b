import CarrelKit
import Foundation
import Testing

@Suite("A second turn reads only what is new")
struct TurnReuseTests {
  @Test("gpt-oss goes on from its last prompt after an answer longer than its windowed layers keep")
  func harmony() async throws {
    var settings = WorkspaceSettings(models: "/nowhere", index: "/nowhere")
    settings.model = HostileTextTests.microPath()
    settings.threads = 2
    let session = try await Workspace(settings).makeSession()
    // The random network ends most answers early: the first seed that does not is taken.
    for seed in 0..<60 {
      await session.reset()
      let first = try await stats(session, "What is a carrel?", seed: UInt64(seed))
      // The window of 16, a batch of 512 and a tile are kept anyway.
      guard first.generatedTokens > 620 else { continue }
      let second = try await stats(session, "And what is a zebra?", seed: 1)
      // The stored answer begins `<|channel|>final`; what was written began otherwise.
      let expected = first.promptTokens...first.promptTokens + 2
      #expect(expected.contains(second.cachedTokens), "\(second)")
      #expect(second.promptTokens > first.promptTokens + 100)
      return
    }
    Issue.record("no answer was long enough")
  }

  private func stats(
    _ session: GenerationSession, _ question: String, seed: UInt64
  ) async throws -> AnswerStats {
    var options = AskOptions()
    options.retrieval = .off
    options.temperature = 1
    options.seed = seed
    options.maximumTokens = 800
    var stats: AnswerStats?
    for try await event in session.ask(question, options: options) {
      if case .done(let answer) = event { stats = answer.stats }
    }
    return try #require(stats)
  }
}
