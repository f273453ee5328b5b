/// The words of a question, made into an FTS5 query that is valid whatever the user typed.
///
/// A word is a run of letters, digits and marks, as the `unicode61` tokenizer cuts them, so the
/// text can contain no query syntax; each is quoted besides. Words are joined by OR: a passage need
/// not contain them all. Words so common that they say nothing are dropped unless all are.
package struct QueryTerms: Sendable, Equatable {
  /// Lower case, each once, in the order of the question.
  package let words: [String]

  /// A question is cut after so many words: the work of a search is bounded.
  static let maximumWords = 64

  package init(_ query: String) {
    var all: [String] = []
    var seen: Set<String> = []
    var current = String.UnicodeScalarView()
    func close() {
      guard !current.isEmpty else { return }
      let word = String(current).lowercased()
      if all.count < 4 * Self.maximumWords, seen.insert(word).inserted { all.append(word) }
      current = String.UnicodeScalarView()
    }
    for scalar in query.unicodeScalars {
      if Self.isWordPart(scalar) { current.append(scalar) } else { close() }
    }
    close()
    let telling = all.filter { !StopWords.english.contains($0) }
    words = Array((telling.isEmpty ? all : telling).prefix(Self.maximumWords))
  }

  /// nil when there is no word: then only the semantic side can answer.
  package var matchExpression: String? {
    words.isEmpty ? nil : words.map { "\"\($0)\"" }.joined(separator: " OR ")
  }

  private static func isWordPart(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII {
      let value = scalar.value | 0x20
      return (value >= 97 && value <= 122) || (scalar.value >= 48 && scalar.value <= 57)
    }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
      .decimalNumber, .letterNumber, .otherNumber, .nonspacingMark, .spacingMark, .enclosingMark,
      .privateUse:
      return true
    default: return false
    }
  }
}

/// Words that occur in most English texts.
enum StopWords {
  static let english: Set<String> = Set(
    """
    a about above after again against all am an and any are aren as at be because been before being
    below between both but by can cannot could couldn d did didn do does doesn doing don down during
    each few for from further had hadn has hasn have haven having he her here hers herself him
    himself his how i if in into is isn it its itself let ll m me more most mustn my myself no nor
    not of off on once only or other ought our ours ourselves out over own re s same shan she should
    shouldn so some such t than that the their theirs them themselves then there these they this
    those through to too under until up ve very was wasn we were weren what when where which while
    who whom why will with won would wouldn you your yours yourself yourselves
    """.split(whereSeparator: \.isWhitespace).map(String.init))
}
