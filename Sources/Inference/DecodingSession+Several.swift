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
    let several = FloatBuffer(count: rows * plan.vocabulary)
    while first < new.count {
      let end = min(first + buffers.batch, new.count)
      _ = forward(new[first..<end], outputs: .all) { _, _ in true }
      for row in stride(from: 0, to: end - first, by: rows) {
        let count = min(rows, end - first - row)
        output(row: row, count: count, into: several.pointer)
        for i in 0..<count {
          let line = several.pointer + i * plan.vocabulary
          try each(first + row + i, UnsafeBufferPointer(start: line, count: plan.vocabulary))
          if first + row + i == new.count - 1 {
            logitsBuffer.pointer.update(from: line, count: plan.vocabulary)
            hasLogits = true
          }
        }
      }
      first = end
    }
  }

  /// Appends `token` and then as much of `draft` as `next` agrees with, in one pass over the weights.
  ///
  /// `next` gets the logits after each token in turn and returns the token it chooses, or nil to end.
  /// While that is the draft's next token, the timeline takes it; what is chosen otherwise is not
  /// appended. The logits are the same bits as without a draft, and so is what `next` chooses.
  ///
  /// - Returns: how many tokens of the draft the timeline took.
  package func advance(
    _ token: TokenID, drafting draft: some Collection<TokenID>,
    next: (_ logits: UnsafeBufferPointer<Float>) throws -> TokenID?
  ) throws -> Int {
    let start = tokens.count
    let new = [token] + draft
    try check(new, after: start)
    _ = forward(new, outputs: .all) { _, _ in true }
    if draftLogits == nil || draftLogits!.count < new.count * plan.vocabulary {
      draftLogits = FloatBuffer(
        count: max(new.count, DraftPolicy.longest + 1) * plan.vocabulary)
    }
    guard let several = draftLogits?.pointer else { return 0 }
    output(row: 0, count: new.count, into: several)
    var accepted = 0
    while accepted < new.count {
      let line = several + accepted * plan.vocabulary
      let chosen = try next(UnsafeBufferPointer(start: line, count: plan.vocabulary))
      guard let chosen, accepted + 1 < new.count, chosen == new[accepted + 1] else { break }
      accepted += 1
    }
    truncate(to: start + 1 + accepted)
    return accepted
  }
}
