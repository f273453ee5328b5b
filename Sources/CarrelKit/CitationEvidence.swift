/// The sentences of a passage that a claim is held against.
struct CitationEvidence {
  /// The sentence that says most of the claim.
  let best: Int
  /// The sentences that say it: `best`, and a second one that says a good part of the rest.
  let said: [Int]
  /// `said` with their neighbours, where what a pronoun stands for is found.
  let near: [Int]
  /// The part of the claim's weight that is found in `near`, 0...1.
  let coverage: Double
  /// Of each of the claim's tokens: whether `near` has it, or a word for it.
  let found: [Bool]

  /// nil when the claim has no content or the passage none of it.
  init?(for claim: CitationTokens, in passage: CitedPassage) {
    let tokens = claim.tokens
    let total = tokens.reduce(0) { $0 + $1.weight }
    guard total > 0, !passage.sentences.isEmpty else { return nil }
    // Which sentence has which token of the claim.
    let has = passage.sentences.map { sentence in
      tokens.map { token in token.weight > 0 && sentence.contains(token) }
    }
    func weight(_ sentence: Int, without: [Bool]? = nil) -> Double {
      var sum = 0.0
      for index in tokens.indices where has[sentence][index] && without?[index] != true {
        sum += tokens[index].weight
      }
      return sum
    }
    func neighbours(_ sentence: Int) -> ClosedRange<Int> {
      max(0, sentence - 1)...min(has.count - 1, sentence + 1)
    }

    let alone = has.indices.map { weight($0) }
    // Among equals the one whose neighbours say more of the rest.
    func around(_ sentence: Int) -> Double {
      alone[sentence]
        + 0.1 * neighbours(sentence).reduce(0) { $0 + weight($1, without: has[sentence]) }
    }
    guard let best = has.indices.max(by: { (around($0), -$0) < (around($1), -$1) }) else {
      return nil
    }
    guard alone[best] > 0 else { return nil }
    var said = [best]
    let second = has.indices.filter { $0 != best }
      .map { ($0, weight($0, without: has[best])) }.max { ($0.1, -$0.0) < ($1.1, -$1.0) }
    if let (index, rest) = second, rest >= total * 0.2 { said.append(index) }

    self.best = best
    self.said = said
    near = Set(said.flatMap { neighbours($0) }).sorted()
    let near = near
    found = tokens.indices.map { index in
      tokens[index].weight == 0 || near.contains { has[$0][index] }
    }
    var sum = 0.0
    for index in tokens.indices where found[index] { sum += tokens[index].weight }
    coverage = sum / total
  }
}

extension CitationTokens {
  /// Whether a token that says the same is here.
  func contains(_ token: Token) -> Bool { tokens.contains { $0.agrees(with: token) } }
}

extension CitationTokens.Token {
  /// Numbers agree with their units, names letter by letter, words by meaning.
  func agrees(with other: CitationTokens.Token) -> Bool {
    if kind == .number || other.kind == .number {
      guard kind == other.kind, stem == other.stem else { return false }
      return agreesInUnit(other)
    }
    if stem == other.stem { return true }
    guard kind != .stop, other.kind != .stop else { return false }
    if kind == .name || other.kind == .name { return false }
    if !senses.isEmpty, senses.contains(where: other.senses.contains) { return true }
    return head == other.head && CitationLexicon.isDerived(stem, other.stem)
  }

  /// Whether it is the same word, however the sentence begins.
  func isSame(as other: CitationTokens.Token) -> Bool {
    stem == other.stem && agreesInUnit(other)
  }

  /// Units agree when they are equal, or when one of the two is not known for certain.
  func agreesInUnit(_ other: CitationTokens.Token) -> Bool {
    guard let a = unit, let b = other.unit else { return true }
    return a == b || a.hasSuffix("?") || b.hasSuffix("?")
  }
}
