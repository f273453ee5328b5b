/// How much of an answer the passages it was given bear out.
public struct AnswerCheck: Sendable, Equatable {
  /// Sentences that claim something or cite a source; questions, announcements, pleasantries and code
  /// are not counted.
  public internal(set) var claims = 0
  /// Those of them that no passage bears out, in order; where one cites sources, none of those does.
  public internal(set) var unmatched: [String] = []
  /// Sentences with a citation that its source does not bear out.
  public internal(set) var miscited = 0

  package init() {}

  mutating func count(_ sentence: Substring, citations: [Citation]) {
    claims += 1
    if citations.contains(where: { !$0.supported }) { miscited += 1 }
    if !citations.contains(where: \.supported) {
      unmatched.append(sentence.split(whereSeparator: \.isWhitespace).joined(separator: " "))
    }
  }
}
