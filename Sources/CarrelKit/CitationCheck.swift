/// Whether a passage bears out a sentence. Pure and lexical: no model judges a model.
///
/// The sentence of the passage that says most of the claim is found, with its neighbours and, for a
/// claim that joins two, a second one. The score is the part of the claim's content words they
/// contain, by weight. What a paraphrase cannot change brings it to 0: a number or its unit, a name
/// or identifier, a negation, a word turned into its opposite, the sides of a comparison, and a word
/// put in the place of another that does not mean the same. It errs towards "unsupported": a
/// paraphrase in wholly different words is not counted as borne out.
package enum CitationCheck {
  /// The part of the claim's word weight that has to be found.
  package static let threshold = 0.6

  package struct Verdict: Equatable {
    /// 0...1: the weight found, 0 when something contradicts the claim.
    package let score: Double
    /// The sentence of the passage that carries most of the claim.
    package let quote: String
    /// `quote`, and the sentence that says a good part of the rest where there is one, in the passage's
    /// order; "" where the passage has none of the claim's words.
    package var evidence = ""
    /// The weight found, 0...1, contradicted or not.
    package var coverage = 0.0
    package var supported: Bool { score >= CitationCheck.threshold }
  }

  package static func check(claim: some StringProtocol, passage: String) -> Verdict {
    check(claim: claim, passage: CitedPassage(passage))
  }

  /// How much of a text the passage speaks of, and where; what it says of it does not matter.
  package static func nearest(to text: some StringProtocol, in passage: CitedPassage) -> Verdict {
    let tokens = CitationTokens(CitationMark.removing(from: text))
    guard let evidence = CitationEvidence(for: tokens, in: passage) else {
      return Verdict(score: 0, quote: "")
    }
    return Verdict(score: evidence.coverage, quote: passage.quote(evidence.best))
  }

  /// The claim of "Answer: it is so".
  private static func withoutLead(_ claim: String) -> Substring {
    guard let colon = claim.firstIndex(of: ":"),
      claim[..<colon].split(separator: " ").allSatisfy({
        CitationLexicon.leads.contains($0.lowercased())
      })
    else { return claim[...] }
    return claim[claim.index(after: colon)...]
  }

  /// `check` for a passage that is asked about several claims.
  package static func check(claim: some StringProtocol, passage: CitedPassage) -> Verdict {
    let claimed = CitationTokens(withoutLead(CitationMark.removing(from: claim)))
    guard let evidence = CitationEvidence(for: claimed, in: passage) else {
      return Verdict(score: 0, quote: "")
    }
    let isSaid = passage.says(claimed)
    let isContradicted =
      !isSaid && CitationContradiction.exists(between: claimed, and: evidence, in: passage)
    return Verdict(
      score: isSaid ? 1 : isContradicted ? 0 : evidence.coverage,
      quote: passage.quote(evidence.best),
      evidence: evidence.said.sorted().map(passage.quote).joined(separator: " "),
      coverage: evidence.coverage)
  }
}

/// A passage cut into sentences and tokens once, for any number of claims.
package struct CitedPassage {
  let text: String
  let ranges: [Range<String.Index>]
  let sentences: [CitationTokens]

  package init(_ text: String) {
    self.text = text
    ranges = SentenceSplitter.sentences(text)
    sentences = ranges.map { CitationTokens(text[$0]) }
  }

  /// Whether a sentence has the claim word for word, and denies nothing besides.
  func says(_ claim: CitationTokens) -> Bool {
    let wanted = claim.tokens
    guard let first = wanted.first else { return false }
    return sentences.contains { sentence in
      let tokens = sentence.tokens
      guard tokens.count >= wanted.count, let last = wanted.last else { return false }
      let denials = wanted.count { $0.kind == .negation }
      return (0...(tokens.count - wanted.count)).contains { start in
        tokens[start].isSame(as: first) && tokens[start + wanted.count - 1].isSame(as: last)
          && zip(wanted, tokens[start...]).allSatisfy { $0.isSame(as: $1) }
          && tokens.count { $0.kind == .negation } == denials
      }
    }
  }

  func quote(_ sentence: Int) -> String {
    text[ranges[sentence]].split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
