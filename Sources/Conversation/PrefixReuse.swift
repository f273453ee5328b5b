import Tokenization

/// How much of what a KV cache holds serves the next prompt.
package enum PrefixReuse {
  /// The number of leading tokens of `next` that a cache holding `prompt` and then `generated`
  /// already has: the longest common prefix. The cache is rolled back to it and only the rest is
  /// evaluated.
  ///
  /// With Harmony it usually ends right behind `<|start|>assistant<|channel|>`: history continues
  /// with `final` where the generation had `analysis`.
  package static func boundary(
    prompt: [TokenID], generated: [TokenID], next: [TokenID]
  ) -> Int {
    let inPrompt = commonPrefix(prompt, next)
    guard inPrompt == prompt.count else { return inPrompt }
    return inPrompt + commonPrefix(generated, next[inPrompt...])
  }

  private static func commonPrefix(
    _ a: some Sequence<TokenID>, _ b: some Sequence<TokenID>
  ) -> Int {
    var count = 0
    for (x, y) in zip(a, b) {
      guard x == y else { break }
      count += 1
    }
    return count
  }
}
