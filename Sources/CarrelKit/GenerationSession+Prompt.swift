import Inference

/// What a question is answered from: passages, and the prompt they go into.
extension GenerationSession {
  /// Passages for a query, numbered, or none.
  /// - Parameter background: what the query leans on.
  func passages(
    _ query: String, after background: String? = nil, _ options: AskOptions,
    numberedFrom first: Int, _ run: inout AnswerRun
  ) async throws -> [Source] {
    run.emit(.retrieving(query: background.map { "\(query) (after: \($0))" } ?? query))
    let report = try await workspace.search(
      query, limit: options.passages, sides: .hybrid, scope: options.scope, after: background)
    run.stats.retrievalSeconds += report.seconds
    run.searched = run.searched ?? SearchedFor(query: query, background: background)
    for correction in report.corrections { run.say(correction) }
    let asked = (background.map { $0 + " " } ?? "") + query
    return Relevance.passing(report.hits, question: asked).enumerated().map { place, hit in
      var source = Source(
        n: first + place, path: hit.path, startLine: hit.startLine, endLine: hit.endLine,
        startByte: hit.startByte, endByte: hit.endByte, text: hit.text)
      source.ordinals = hit.ordinal.map { $0...$0 }
      return source
    }
  }

  /// The prompt for this question in a window, and what it had to leave out.
  func plan(
    _ work: inout Work, context: Int, style: PromptBuilder.Style, _ options: AskOptions,
    _ run: inout AnswerRun, count: (String) -> Int
  ) throws -> PromptBuilder.Plan {
    let limit = options.maximumTokens ?? workspace.settings.maximumTokens
    let builder = PromptBuilder(
      context: context, answerReserve: min(limit, context / 4), style: style)
    var system = work.found.isEmpty ? PromptBuilder.plainSystem : builder.style.system
    if work.offersHandOver { system += "\n" + HandOver.instructions }
    let plan = try builder.plan(
      system: system,
      turns: turns.filter(\.isInPrompt), question: work.question, passages: work.found, count: count
    )
    if plan.droppedTurns > 0 {
      run.say(
        "The conversation no longer fits in \(context) tokens: the oldest "
          + (plan.droppedTurns == 1 ? "turn was" : "\(plan.droppedTurns) turns were")
          + " left out.")
    }
    if plan.droppedPassages > 0 {
      run.say(
        "\(plan.passages) of \(work.found.count) passages fit in the prompt; the "
          + "\(plan.droppedPassages) least relevant were left out.")
    }
    work.prompt = plan.prompt
    work.droppedTurns = plan.droppedTurns
    run.prompt = plan.contents
    run.add(plan.sources)
    return plan
  }
}
