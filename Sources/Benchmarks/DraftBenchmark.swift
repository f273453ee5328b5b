import CarrelKit

/// What guessing ahead from the prompt gains, with guesses and without in turn.
///
/// `Benchmarks drafts DOCUMENT… [--model ID] [--models FOLDER] [--runs N] [--tokens N]` indexes the
/// documents in a scratch folder, asks questions whose answers copy and some whose answers do not, at three
/// temperatures (0.2 is the default), and checks that both ways give the same text.
struct DraftBenchmark {
  private var documents: [String] = []
  private var settings = WorkspaceSettings.resolve()
  private var runs = 5
  private var tokens = 96

  /// Each line says whether the answer should copy from the passages.
  private static let prompts: [(question: String, copies: Bool)] = [
    ("Quote the passage about the memory contract word for word.", true),
    ("Repeat the first passage exactly as it is written.", true),
    ("Which commands are there? Copy the list from the passage.", true),
    ("Copy the code example from the passage.", true),
    ("What does the passage say? Answer with its own sentences.", true),
    ("What happens when a model does not fit in memory? Quote the document.", true),
    ("Which settings are there, and what does each do? Copy the table.", true),
    ("How are citations checked? Quote the sentences that say it.", true),
    ("Give the exact text of the section on guessing ahead.", true),
    ("Which lines show how to index a folder? Repeat them as they are.", true),
    ("Write a short poem about the sea.", false),
    ("Tell a story about two cats on a roof.", false),
    ("Explain why the sky is blue.", false),
  ]

  init(_ arguments: [String]) throws {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      switch argument {
      case "--model": settings.model = rest.popFirst()
      case "--models": settings.models = rest.popFirst() ?? settings.models
      case "--runs": runs = rest.popFirst().flatMap { Int($0) } ?? runs
      case "--tokens": tokens = rest.popFirst().flatMap { Int($0) } ?? tokens
      default: documents.append(argument)
      }
    }
    guard !documents.isEmpty, runs > 0, tokens > 0 else {
      throw BenchmarkError(
        "usage: Benchmarks drafts DOCUMENT… [--model ID] [--models FOLDER] [--runs N]")
    }
  }

  func run() async throws {
    try await ScratchFolder.with { scratch in
      var settings = settings
      settings.index = scratch
      settings.cache = nil
      settings.context = settings.context ?? 4096
      let workspace = Workspace(settings)
      for try await _ in workspace.addToIndex(documents) {}
      print("prompt,copies,temperature,plain t/s,drafting t/s,ratio,guessed right,tokens,same text")
      for temperature: Float in [0, 0.2, 0.8] {
        var ratios: [Bool: [Double]] = [:]
        for prompt in Self.prompts {
          let ratio = try await row(prompt.question, prompt.copies, temperature, workspace)
          ratios[prompt.copies, default: []].append(ratio)
        }
        for (copies, name) in [(true, "copies"), (false, "others")] {
          let sorted = (ratios[copies] ?? []).sorted()
          guard let least = sorted.first, let most = sorted.last else { continue }
          print("\(name) at \(temperature): \(least) to \(most), median \(median(sorted))")
        }
      }
    }
  }

  private func row(
    _ question: String, _ copies: Bool, _ temperature: Float, _ workspace: Workspace
  ) async throws -> Double {
    let session = try await workspace.makeSession()
    var speeds: [Bool: [Double]] = [:]
    var texts: Set<String> = []
    var last: AnswerStats?
    for _ in 0..<runs {
      for drafts in [false, true] {
        var options = AskOptions()
        options.retrieval = copies ? .preferred : .off
        options.temperature = temperature
        options.seed = 1
        options.maximumTokens = tokens
        options.drafts = drafts
        await session.reset()
        for try await case .done(let answer) in session.ask(question, options: options) {
          speeds[drafts, default: []].append(answer.stats.decodeTokensPerSecond)
          texts.insert(answer.text)
          if drafts { last = answer.stats }
        }
      }
    }
    let plain = median(speeds[false] ?? [])
    let drafting = median(speeds[true] ?? [])
    let ratio = plain > 0 ? (drafting / plain * 100).rounded() / 100 : 0
    print(
      "\(question.prefix(40)),\(copies),\(temperature),\(plain.rounded()),\(drafting.rounded()),"
        + "\(ratio),\(last?.draftedTokens ?? 0),\(last?.generatedTokens ?? 0),\(texts.count == 1)")
    return ratio
  }
}
