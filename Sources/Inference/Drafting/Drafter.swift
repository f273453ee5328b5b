import Tokenization

/// Guessed tokens and how many agreed before them; empty when nothing is worth a try.
package struct Draft: Sendable {
  package var tokens: ArraySlice<TokenID> = []
  var agreed = 0

  package init() {}
}

/// Prompt lookup with its policy and its clock, for one answer.
package struct Drafter {
  private var lookup: PromptLookup
  private var policy = DraftPolicy()
  private var started = ContinuousClock.now

  /// - Parameter tokens: the prompt.
  package init(_ tokens: [TokenID]) { lookup = PromptLookup(tokens) }

  /// What may follow `token`, which was just chosen. The step that evaluates it is timed from here.
  package mutating func guess(after token: TokenID, limit: Int) -> Draft {
    lookup.append(token)
    var draft = Draft()
    let (tokens, agreed) = lookup.guess(limit: min(limit, DraftPolicy.longest))
    if !tokens.isEmpty {
      draft.tokens = tokens.prefix(policy.length(agreed: agreed, limit: tokens.count))
      draft.agreed = agreed
    }
    started = .now
    return draft
  }

  /// The step is done.
  package mutating func took(_ draft: Draft, accepted: Int) {
    policy.took(
      started.duration(to: .now) / .seconds(1), length: draft.tokens.count, accepted: accepted)
    guard !draft.tokens.isEmpty else { return }
    policy.checked(agreed: draft.agreed, proposed: draft.tokens.count, accepted: accepted)
    for token in draft.tokens.prefix(accepted) { lookup.append(token) }
  }
}
