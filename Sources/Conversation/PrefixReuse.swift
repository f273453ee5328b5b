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

  /// Where prompts that may come later part from this one long before its end: where its newest
  /// question begins (asked again, edited), where its first begins (another conversation under the same
  /// instructions), and where the question before the newest begins. The most likely first.
  ///
  /// - Parameter prompt: what `format` makes of `messages`.
  package static func borders(
    of messages: [Message], in prompt: [TokenID], format: any ChatFormat
  ) -> [Int] {
    let questions = messages.indices.filter { messages[$0].role == .user }
    var places: [Int] = []
    for index in [questions.last, questions.first, questions.dropLast().last] {
      guard let index, index > 0 else { continue }
      let place = commonPrefix(format.render(Array(messages[..<index])), prompt)
      if place > 0, place < prompt.count, !places.contains(place) { places.append(place) }
    }
    return places
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
