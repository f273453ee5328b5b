/// The words of a question, made into FTS5 phrases that are valid whatever the user typed.
///
/// A word is a run of letters, digits and marks, as the `unicode61` tokenizer cuts them, so the
/// text can contain no query syntax; each is quoted besides. A passage need not contain them all.
package struct QueryTerms: Sendable, Equatable {
  /// Lower case, each once, in the order of the question.
  package let words: [String]
  /// For each word, whether it is so common that it says little.
  package let isStop: [Bool]
  /// Telling words that stand next to each other in the question, as places in `words`.
  package let pairs: [Pair]

  package struct Pair: Sendable, Hashable {
    package var first: Int
    package var second: Int
  }

  /// A question is cut after so many telling words, and as many others: the work of a search is
  /// bounded.
  static let maximumWords = 64

  package init(_ query: String) {
    var words: [String] = []
    var isStop: [Bool] = []
    var counts = (stop: 0, telling: 0)
    var pairs: [Pair] = []
    var known: [String: Int] = [:]
    var previous: Int?
    func take(_ word: String) {
      let stop = StopWords.english.contains(word)
      var place = known[word]
      if place == nil, (stop ? counts.stop : counts.telling) < Self.maximumWords {
        place = words.count
        known[word] = place
        words.append(word)
        isStop.append(stop)
        if stop { counts.stop += 1 } else { counts.telling += 1 }
      }
      if !stop, let previous, let place, previous != place {
        let pair = Pair(first: previous, second: place)
        if !pairs.contains(pair) { pairs.append(pair) }
      }
      previous = stop ? nil : place
    }
    Self.forEachWord(of: query) { word, _ in take(word) }
    self.words = words
    self.isStop = isStop
    self.pairs = pairs
  }

  /// A question with some words, given in lower case, written otherwise, and all else as it is.
  package static func respelled(_ question: String, _ meant: [String: String]) -> String {
    var text = ""
    var end = question.startIndex
    forEachWord(of: question) { word, range in
      guard let other = meant[word] else { return }
      text += question[end..<range.lowerBound] + other
      end = range.upperBound
    }
    return text + question[end...]
  }

  /// No word at all: then only the semantic side can answer.
  package var isEmpty: Bool { words.isEmpty }

  /// What passages are looked for by: the telling words, or all where there is none.
  package var telling: [String] {
    let telling = zip(words, isStop).filter { !$0.1 }.map(\.0)
    return telling.isEmpty ? words : telling
  }

  /// The FTS5 phrase of a word.
  static func phrase(_ word: String) -> String { "\"\(word)\"" }

  /// All words of a text, in lower case.
  package static func words(of text: String) -> Set<String> {
    var words: Set<String> = []
    forEachWord(of: text) { word, _ in words.insert(word) }
    return words
  }

  /// Calls with each word in lower case, and where it stands.
  static func forEachWord(of text: String, _ body: (String, Range<String.Index>) -> Void) {
    let scalars = text.unicodeScalars
    var start: String.Index?
    func end(_ index: String.Index) {
      if let first = start { body(text[first..<index].lowercased(), first..<index) }
      start = nil
    }
    for index in scalars.indices {
      if !isWordPart(scalars[index]) { end(index) } else if start == nil { start = index }
    }
    end(scalars.endIndex)
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
