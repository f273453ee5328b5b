import Database

/// Finds what misspelled words of a question were meant to be. Pure.
///
/// A word that occurs nowhere in the index finds nothing on the lexical side. No list of all words is
/// searched for its neighbours: FTS5 has none that is quick to ask, and among very many words something
/// is always near. The passages that the question finds by meaning (or by its other words) are read
/// instead: the word that was meant is most likely in them, and hardly another that looks like it.
///
/// One slip is mended: a letter too many, too few, another, or two exchanged (Damerau, "A technique for
/// computer detection and correction of spelling errors", 1964), not in the first letter, in words of at
/// least five letters and nothing else that the embedder does not know (`Embedder.knows`): "event" is no
/// slip for "even" where nothing tells of events. Pairs of letters of scripts without spaces have nothing
/// that could be mended. Of several words that could be meant, the one in most
/// passages is taken. Measured in Index/README.md.
package struct Spelling {
  /// Passages that are read.
  static let passages = 100
  private static let mostWords = 8
  private static let shortest = 5

  /// In lower case.
  private let unknown: [[UInt8]]
  /// For each, the passages with each word that is one slip from it.
  private var found: [[[UInt8]: Int]]

  /// - Parameter unknown: words in lower case that occur nowhere.
  package init(_ unknown: [String]) {
    self.unknown = unknown.filter {
      $0.utf8.count >= Self.shortest && $0.allSatisfy(\.isLetter) && !UnspacedText.isPresent(in: $0)
    }.prefix(Self.mostWords).map { Array($0.utf8) }
    found = .init(repeating: [:], count: self.unknown.count)
  }

  /// Whether no word is of a kind that is corrected.
  package var isEmpty: Bool { unknown.isEmpty }

  /// Reads a passage: UTF-8, of which only ASCII letters are made lower case.
  package mutating func read(_ text: UnsafeRawBufferPointer) {
    var seen: [Set<[UInt8]>] = .init(repeating: [], count: unknown.count)
    var start = 0
    for index in 0...text.count {
      if index < text.count, Self.isWordPart(text[index]) { continue }
      let length = index - start
      if length >= Self.shortest - 1 {
        for (place, word) in unknown.enumerated()
        where abs(word.count - length) <= 1 && Self.lower(text[start]) == word[0] {
          let bytes = text[start..<index].map(Self.lower)
          if Self.isOneSlip(word, bytes) { seen[place].insert(bytes) }
        }
      }
      start = index + 1
    }
    for place in unknown.indices {
      for word in seen[place] { found[place][word, default: 0] += 1 }
    }
  }

  /// For each word that one was found for, what it was meant to be.
  package var corrections: [String: String] {
    var corrections: [String: String] = [:]
    for (word, near) in zip(unknown, found) {
      let best = near.max { a, b in
        a.value != b.value ? a.value < b.value : b.key.lexicographicallyPrecedes(a.key)
      }
      guard let best else { continue }
      let meant = String(decoding: best.key, as: UTF8.self)
      // Bytes of other scripts' marks may stand in it.
      if QueryTerms(meant).words == [meant], !StopWords.english.contains(meant) {
        corrections[String(decoding: word, as: UTF8.self)] = meant
      }
    }
    return corrections
  }

  /// Whether one letter more, less or other, or two exchanged, make `b` of `a`.
  static func isOneSlip(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    if a.count > b.count { return isOneSlip(b, a) }
    guard b.count - a.count <= 1, a != b else { return false }
    let first = zip(a, b).prefix { $0 == $1 }.count
    if a.count < b.count { return a[first...] == b[(first + 1)...] }
    if a[(first + 1)...] == b[(first + 1)...] { return true }
    return first + 1 < a.count && a[first] == b[first + 1] && a[first + 1] == b[first]
      && a[(first + 2)...] == b[(first + 2)...]
  }

  private static func lower(_ byte: UInt8) -> UInt8 {
    byte >= 65 && byte <= 90 ? byte | 0x20 : byte
  }

  private static func isWordPart(_ byte: UInt8) -> Bool {
    byte >= 0x80 || (byte >= 48 && byte <= 57) || (lower(byte) >= 97 && lower(byte) <= 122)
  }
}
