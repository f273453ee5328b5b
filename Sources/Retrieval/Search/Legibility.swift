import Database

/// Tells whether an embedder can read a question. Pure.
///
/// A model whose vocabulary has no words of a script gets a question in it as unknown tokens or as single
/// letters, and its vector says nothing of what is meant: all Chinese is alike to an English model. Joined
/// with such a vector good hits by words are worse than alone (measured in Index/README.md), so a question
/// that cannot be read is searched for by words only.
///
/// A word is read when the model has all of it in pieces of one and a half letters on average, or, of Han,
/// in known characters by a model that knows the common ones. A question is read unless more than half of
/// its letters are in words that are not.
package enum Legibility {
  package static func reads(_ question: String, _ embedder: any Embedder) -> Bool {
    var (letters, unread) = (0, 0)
    QueryTerms.forEachWord(of: question) { word, _ in
      let count = Self.letters(of: word)
      guard count > 0 else { return }
      letters += count
      if !reads(word: word, of: count, embedder) { unread += count }
    }
    return unread * 2 <= letters
  }

  private static func reads(word: String, of letters: Int, _ embedder: any Embedder) -> Bool {
    guard letters > 1, let pieces = embedder.pieces(of: word) else { return true }
    if pieces.contains(false) { return false }
    if pieces.count * 3 <= letters * 2 { return true }
    guard word.unicodeScalars.allSatisfy({ isHan($0) }) else { return false }
    let common = embedder.pieces(of: commonHan) ?? []
    return common.count { !$0 } * 10 <= common.count
  }

  /// The twenty most frequent characters of modern Chinese (Jun Da, Modern Chinese Character Frequency
  /// List, 2004); Japanese has them or others as common.
  private static let commonHan = "的一是不了在人有我他这个们中来上大为和国"

  private static func isHan(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isIdeographic
  }

  private static func letters(of word: String) -> Int {
    word.unicodeScalars.count { scalar in
      switch scalar.properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
      default: false
      }
    }
  }
}
