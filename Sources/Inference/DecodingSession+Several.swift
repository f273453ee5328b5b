import Compute
import Tokenization

// Several tokens at once, with the logits after each of them.
extension DecodingSession {
  /// Appends tokens and lends the logits after each of them, in order: for measuring perplexity and
  /// for verifying drafts (then `truncate` what was wrong). `logits` are those after the last.
  package func extend(
    by new: [TokenID], each: (_ index: Int, _ logits: UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    try check(new, after: tokens.count)
    var first = 0
    let rows = min(8, buffers.batch)
    while first < new.count {
      let end = min(first + buffers.batch, new.count)
      _ = forward(new[first..<end], outputs: .all) { _, _ in true }
      for row in stride(from: 0, to: end - first, by: rows) {
        let count = min(rows, end - first - row)
        expect(row..<row + count)
        for i in 0..<count {
          try each(first + row + i, TokenOutput(session: self, row: i).logits)
        }
      }
      first = end
    }
    if !new.isEmpty { hasLogits = true }
  }

  /// Appends `token` and then as much of `draft` as `next` agrees with, in one pass over the weights.
  ///
  /// `next` is asked after each token in turn and returns the token it chooses, or nil to end.
  /// While that is the draft's next token, the timeline takes it; what is chosen otherwise is not
  /// appended. The logits are the same bits as without a draft, and so is what `next` chooses.
  ///
  /// - Returns: how many tokens of the draft the timeline took.
  package func advance(
    _ token: TokenID, drafting draft: some Collection<TokenID>,
    next: (_ output: TokenOutput) throws -> TokenID?
  ) throws -> Int {
    let start = tokens.count
    let new = [token] + draft
    try check(new, after: start)
    _ = forward(new, outputs: .all) { _, _ in true }
    expect(0..<new.count)
    var accepted = 0
    while accepted < new.count {
      let chosen = try next(TokenOutput(session: self, row: accepted))
      guard let chosen, accepted + 1 < new.count, chosen == new[accepted + 1] else { break }
      accepted += 1
    }
    truncate(to: start + 1 + accepted)
    return accepted
  }
}
