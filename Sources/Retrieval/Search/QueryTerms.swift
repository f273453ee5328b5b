import Database

/// The words of a question, made into FTS5 phrases that are valid whatever the user typed.
///
/// A word is a run of letters, digits and marks, as the `unicode61` tokenizer cuts them, so the
/// text can contain no query syntax; each is quoted besides. A passage need not contain them all.
/// In scripts that are written without spaces each pair of letters is a word (`UnspacedCutter`), and so is
/// a letter that stands alone.
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
  /// Pairs of letters likewise: two of them make about a word.
  static let maximumPairs = 128

  package init(_ query: String) {
    var words: [String] = []
    var isStop: [Bool] = []
    var counts = (stop: 0, telling: 0, unspaced: 0)
    var pairs: [Pair] = []
    var known: [String: Int] = [:]
    var previous: Int?
    func take(_ word: String, isUnspaced: Bool = false) {
      let stop = isUnspaced ? StopWords.isGrammar(word) : StopWords.english.contains(word)
      var place = known[word]
      let fits =
        isUnspaced
        ? counts.unspaced < Self.maximumPairs
        : (stop ? counts.stop : counts.telling) < Self.maximumWords
      if place == nil, fits {
        place = words.count
        known[word] = place
        words.append(word)
        isStop.append(stop)
        if isUnspaced {
          counts.unspaced += 1
        } else if stop {
          counts.stop += 1
        } else {
          counts.telling += 1
        }
      }
      if !stop, let previous, let place, previous != place {
        let pair = Pair(first: previous, second: place)
        if !pairs.contains(pair) { pairs.append(pair) }
      }
      previous = stop ? nil : place
    }
    // A letter of grammar that stands alone: it would be read at the beginning of very many pairs.
    var idle: [String] = []
    Self.forEachWord(of: query) { word, _ in
      guard UnspacedText.isPresent(in: word) else { return take(word) }
      for token in UnspacedText.tokens(of: word, isQuery: true) {
        if token.units == 1, StopWords.isGrammar(token.text) {
          idle.append(token.text)
          previous = nil
        } else {
          take(token.text, isUnspaced: true)
        }
      }
    }
    if words.isEmpty { for letter in idle { take(letter, isUnspaced: true) } }
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

  /// How many telling words there are, two pairs of letters counted as one.
  package var tellingWords: Int {
    let pairs = telling.count { UnspacedText.isPresent(in: $0) }
    return telling.count - pairs + (pairs + 1) / 2
  }

  /// The part of the telling words that are pairs of letters, 0...1.
  package var unspacedShare: Double {
    let telling = telling
    let pairs = telling.count { UnspacedText.isPresent(in: $0) }
    return telling.isEmpty ? 0 : Double(pairs) / Double(telling.count)
  }

  /// Words of a text, two letters of scripts that are written without spaces counted as one.
  package static func wordCount(of text: String) -> Int {
    var count = 0
    forEachWord(of: text) { word, _ in
      let units =
        UnspacedText.isPresent(in: word) ? UnspacedText.tokens(of: word, isQuery: false).count : 2
      count += (units + 1) / 2
    }
    return count
  }

  /// No word at all: then only the semantic side can answer.
  package var isEmpty: Bool { words.isEmpty }

  /// What passages are looked for by: the telling words, or all where there is none.
  package var telling: [String] {
    let telling = zip(words, isStop).filter { !$0.1 }.map(\.0)
    return telling.isEmpty ? words : telling
  }

  /// The FTS5 phrase of a word. A letter that stands alone is found at the beginning of pairs.
  static func phrase(_ word: String) -> String {
    isAlone(word) ? "\"\(word)\" *" : "\"\(word)\""
  }

  /// Whether a word is a single unit of a script that is written without spaces.
  private static func isAlone(_ word: String) -> Bool {
    guard UnspacedText.isPresent(in: word) else { return false }
    return UnspacedText.tokens(of: word, isQuery: true).allSatisfy { $0.units == 1 }
  }

  /// All words of a text, in lower case; in scripts that are written without spaces the pairs of letters and
  /// the letters.
  package static func words(of text: String) -> Set<String> {
    var words: Set<String> = []
    forEachWord(of: text) { word, _ in words.insert(word) }
    if UnspacedText.isPresent(in: text) {
      words = words.filter { !UnspacedText.isPresent(in: $0) }
      for token in UnspacedText.tokens(of: text, isQuery: false) {
        words.insert(token.text)
        words.insert(token.first)
      }
    }
    return words
  }

  /// Calls with each word in lower case, and where it stands. Scripts with and without spaces part words;
  /// a stretch of the latter is one.
  static func forEachWord(of text: String, _ body: (String, Range<String.Index>) -> Void) {
    let scalars = text.unicodeScalars
    var start: String.Index?
    var isUnspaced = false
    func end(_ index: String.Index) {
      if let first = start {
        body(UnspacedText.folded(text[first..<index].lowercased()), first..<index)
      }
      start = nil
    }
    for index in scalars.indices {
      let scalar = scalars[index]
      guard isWordPart(scalar) else {
        end(index)
        continue
      }
      if !scalar.isASCII || isUnspaced {
        switch UnspacedLetter.kind(scalar) {
        case .invisible: break
        case .other:
          if isUnspaced { end(index) }
          isUnspaced = false
        default:
          if !isUnspaced { end(index) }
          isUnspaced = true
        }
      }
      if start == nil { start = index }
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
