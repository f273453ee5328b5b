/// How much of an answer the passages it was given bear out.
public struct AnswerCheck: Sendable, Equatable {
  /// Sentences that claim something or cite a source; questions, announcements, pleasantries and code
  /// are not counted.
  public internal(set) var claims = 0
  /// Those of them that no passage bears out, in order; where one cites sources, none of those does.
  public internal(set) var unmatched: [String] = []
  /// Sentences with a citation that its source does not bear out.
  public internal(set) var miscited = 0
  /// How near in meaning those sentences are to the passages, each to the nearest of those it was held
  /// against, in the mean: the cosine of embeddings, -1...1. nil where no embedding model was loaded.
  /// It says whether the answer keeps to the subject; what it says of it may still be false.
  public internal(set) var agreement: Double?

  package init() {}

  mutating func count(_ sentence: Substring, citations: [Citation]) {
    claims += 1
    if citations.contains(where: { !$0.supported }) { miscited += 1 }
    if !citations.contains(where: \.supported) {
      unmatched.append(sentence.split(whereSeparator: \.isWhitespace).joined(separator: " "))
    }
  }
}
