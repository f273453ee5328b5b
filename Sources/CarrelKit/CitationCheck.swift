/// Whether a passage bears out a sentence. Pure and lexical: no model judges a model.
///
/// A claim is supported when one sentence of the passage, with its neighbours, contains nearly all
/// of the claim's content words, weighted by length, every number in it, and no negation that the
/// claim lacks (or the other way round). It errs towards "unsupported": a paraphrase in wholly
/// different words is not counted as borne out.
package enum CitationCheck {
  /// The part of the claim's word weight that has to be found.
  package static let threshold = 0.6

  package struct Verdict: Equatable {
    /// 0...1: the weight found, 0 when a number is missing or the negation differs.
    package let score: Double
    /// The sentence of the passage that carries most of the claim.
    package let quote: String
    package var supported: Bool { score >= CitationCheck.threshold }
  }

  package static func check(claim: some StringProtocol, passage: String) -> Verdict {
    let claimed = ClaimWords(CitationMark.removing(from: claim))
    guard !claimed.weights.isEmpty else { return Verdict(score: 0, quote: "") }
    let ranges = SentenceSplitter.sentences(passage)
    let sentences = ranges.map { ClaimWords(String(passage[$0])) }

    var best = Verdict(score: 0, quote: "")
    var bestAlone = -1.0
    for centre in sentences.indices {
      let window = sentences[max(0, centre - 1)...min(sentences.count - 1, centre + 1)]
      let score = claimed.score(against: window)
      let alone = claimed.found(in: [sentences[centre]])
      // Windows overlap: among equal scores the sentence that says most of it is quoted.
      if score > best.score || (score == best.score && alone > bestAlone) {
        bestAlone = alone
        best = Verdict(score: score, quote: quote(passage[ranges[centre]]))
      }
    }
    return best
  }

  private static func quote(_ sentence: Substring) -> String {
    sentence.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}

/// The words of a sentence that carry meaning, folded for comparison.
private struct ClaimWords {
  /// Stem → weight: longer words say more.
  var weights: [String: Double] = [:]
  var numbers: Set<String> = []
  var negated = false

  init(_ text: String) {
    for raw in text.lowercased().split(whereSeparator: { !Self.isWordCharacter($0) }) {
      let word = raw.trimming(".,'’-")
      guard !word.isEmpty else { continue }
      if Self.negations.contains(String(word)) || word.hasSuffix("n't") || word.hasSuffix("n’t") {
        negated = true
        continue
      }
      if word.contains(where: \.isNumber) {
        numbers.insert(word.filter { $0 != "," })
        continue
      }
      if Self.stopWords.contains(String(word)) { continue }
      let stem = Self.stem(word)
      weights[stem] = Double(min(stem.count, 8))
    }
    for number in numbers { weights[number] = 4 }
  }

  func found(in others: some Sequence<ClaimWords>) -> Double {
    let total = weights.values.reduce(0, +)
    guard total > 0 else { return 0 }
    var there: Set<String> = []
    for other in others { there.formUnion(other.weights.keys) }
    return weights.reduce(0) { $0 + (there.contains($1.key) ? $1.value : 0) } / total
  }

  func score(against window: ArraySlice<ClaimWords>) -> Double {
    let there = window.reduce(into: Set<String>()) { $0.formUnion($1.numbers) }
    guard numbers.isSubset(of: there) else { return 0 }
    // Whether it is denied is read off the sentence that says most of it, not off its neighbours.
    let nearest = window.max { found(in: [$0]) < found(in: [$1]) }
    guard negated == nearest?.negated else { return 0 }
    return found(in: window)
  }

  private static func isWordCharacter(_ c: Character) -> Bool {
    c.isLetter || c.isNumber || c == "'" || c == "’" || c == "-" || c == "." || c == "_"
  }

  /// Folds the commonest English endings; both sides go through it, so it only has to be stable.
  private static func stem(_ word: Substring) -> String {
    for ending in ["ing", "ies", "ed", "es", "s"] where word.hasSuffix(ending) {
      let root = word.dropLast(ending.count)
      if root.count >= 3 { return root.last == "e" ? String(root.dropLast()) : String(root) }
    }
    return word.last == "e" && word.count > 3 ? String(word.dropLast()) : String(word)
  }

  private static let negations: Set<String> = [
    "not", "no", "never", "none", "neither", "nor", "cannot", "nothing",
  ]
  private static let stopWords: Set<String> = [
    "a", "an", "and", "are", "as", "at", "be", "been", "by", "can", "do", "does", "for", "from",
    "had", "has", "have", "he", "her", "his", "i", "if", "in", "into", "is", "it", "its", "may",
    "of", "on", "or", "our", "she", "so", "such", "than", "that", "the", "their", "them", "then",
    "there", "these", "they", "this", "those", "to", "was", "we", "were", "which", "while", "who",
    "will", "with", "you", "your", "also", "passage", "according", "document", "documents",
  ]
}

extension Substring {
  fileprivate func trimming(_ characters: String) -> Substring {
    var result = self
    while let last = result.last, characters.contains(last) { result.removeLast() }
    while let first = result.first, characters.contains(first) { result.removeFirst() }
    return result
  }
}
