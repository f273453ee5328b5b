import Compute
import Database
import Glibc

/// The lexical side of one search: passages by bm25, with bounded work.
///
/// First the candidates: the posting lists of the rarest telling words are read, as many as fit the
/// budget, and the passages on them are ranked without their length. Then the best of those, and
/// whatever the semantic side proposes, get their exact score, with the words that were too common to
/// be read and with their length. A passage that has only very common words of the question can be
/// missed where the budget is too small for them; up to some hundred thousand passages it never is.
package struct LexicalSearch {
  package struct Limits: Sendable, Equatable {
    /// Rows of a word read before it is known whether it is rare.
    package var probe = 8192
    /// Rows read of all words together, about 0.04 µs each.
    package var postings = 250_000
    /// Candidates that get their exact score, at least.
    package var candidates = 200
    /// Candidates as good as the last of those, at most: beyond, the passages indexed first are taken.
    package var ties = 1000
    /// Where a filter passes so few passages, each gets its exact score: nothing is missed.
    package var eachPassing = 4096

    package init() {}
  }

  /// A word, or two words side by side, whose posting list is known.
  struct Term {
    var list: PostingList
    /// idf × weight.
    var value: Double
  }

  let connection: Connection
  let model: BM25
  let limits: Limits
  /// Passages that may be found; nil for all.
  let passing: PassingPassages?
  /// Terms with a posting list.
  var terms: [Term] = []
  /// Places in `terms` of those that propose candidates.
  var proposing: [Int] = []
  /// Words too common to be read, with idf × weight.
  var unread: [(word: String, value: Double)] = []
  /// How long passages are and how often they have the words that were not read, as far as it was asked:
  /// each costs a search, and passages are scored more than once.
  private final class Counted {
    var frequencies: [Int64: [Float]] = [:]
    var lengths: [Int64: Double] = [:]
  }

  private let counted = Counted()
  /// Telling words that occur nowhere in the index.
  let unknown: [String]
  /// Has read the words.
  let reader: TermReader

  /// As without a filter: the same scores, of the passages that pass it only.
  package init(
    _ connection: Connection, _ query: QueryTerms, filter: SearchFilter, limits: Limits = Limits()
  ) throws {
    try self.init(
      connection, query, passing: PassingPassages(connection, filter), limits: limits)
  }

  /// Reads the posting lists.
  package init(
    _ connection: Connection, _ query: QueryTerms, limits: Limits = Limits(), model: BM25 = BM25()
  ) throws {
    try self.init(connection, query, passing: nil, limits: limits, model: model)
  }

  init(
    _ connection: Connection, _ query: QueryTerms, passing: PassingPassages?,
    limits: Limits = Limits(), model: BM25 = BM25(), after earlier: TermReadings? = nil
  ) throws {
    self.connection = connection
    self.limits = limits
    self.passing = passing
    var model = model
    var reader = try TermReader(connection: connection, limits: limits, after: earlier)
    try reader.read(query)
    self.reader = reader
    model.size = reader.size
    self.model = model
    unknown = reader.words.filter { !$0.isStop && $0.rows == 0 }.map(\.text)
    var places: [Int: Int] = [:]
    for (index, word) in reader.words.enumerated() {
      let weight = word.isStop ? model.stopWeight : 1
      // A list read in part misses passages; where each is looked at, it is as good as unread.
      guard let list = word.list, list.isComplete || !looksAtEach else {
        if word.rows > 0, !word.isStop {
          unread.append((word.text, model.idf(word.rows) * weight))
        }
        continue
      }
      places[index] = terms.count
      if word.proposes { proposing.append(terms.count) }
      terms.append(Term(list: list, value: model.idf(word.rows) * weight))
    }
    for pair in query.pairs {
      guard let first = places[pair.first], let second = places[pair.second] else { continue }
      let list = terms[first].list.followed(by: terms[second].list, weights: IndexSchema.weights)
      if list.rows.isEmpty { continue }
      terms.append(Term(list: list, value: model.idf(list.rows.count) * model.pairWeight))
    }
  }

  /// The best passages with their exact score, best first, ties by path and place.
  package func top(_ limit: Int) throws -> [(id: Int64, score: Double)] {
    var found: [Int64]
    if let passing, looksAtEach {
      found = candidates(passing.ids.count)
      found += try withUnread(passing, besides: Set(found))
    } else {
      found = candidates(max(limits.candidates, limit * 2))
    }
    var scored = zip(found, try scores(of: found)).map { (id: $0, score: $1) }
    try PassageOrder(connection: connection).sort(&scored, score: \.score, chunk: \.id)
    return Array(scored.prefix(limit))
  }

  /// Exact scores; 0 where no word of the question occurs.
  package func scores(of ids: [Int64]) throws -> [Double] {
    return try ids.map { id in
      let length = try length(of: id)
      var score = 0.0
      for term in terms {
        let frequency = term.list.frequency(of: id)
        if frequency > 0 {
          score += term.value * model.saturation(Double(frequency), length: length)
        }
      }
      for (word, frequency) in zip(unread, try unreadFrequencies(of: id)) where frequency > 0 {
        score += word.value * model.saturation(Double(frequency), length: length)
      }
      return score
    }
  }

  /// How often a passage has the words that were not read.
  private func unreadFrequencies(of id: Int64) throws -> [Float] {
    if unread.isEmpty { return [] }
    if let known = counted.frequencies[id] { return known }
    let expression = unread.map { QueryTerms.phrase($0.word) }.joined(separator: " OR ")
    let found = try connection.frequencies(
      of: expression, count: unread.count, in: "words", row: id, weights: IndexSchema.weights)
    counted.frequencies[id] = found
    return found
  }

  /// The same words, weighed to complement what the semantic side found: the passages nearest by meaning.
  package func complementing(_ nearest: [Int64], _ fusion: Fusion) throws -> LexicalSearch {
    guard !nearest.isEmpty, terms.count + unread.count > 1 else { return self }
    var heard = [Double](repeating: 0, count: terms.count + unread.count)
    let part = 1 / Double(nearest.count)
    for id in nearest {
      for (place, term) in terms.enumerated() where term.list.frequency(of: id) > 0 {
        heard[place] += part
      }
      for (place, frequency) in try unreadFrequencies(of: id).enumerated() where frequency > 0 {
        heard[terms.count + place] += part
      }
    }
    let weights = fusion.complementing(terms.map(\.value) + unread.map(\.value), heard: heard)
    var other = self
    for place in terms.indices { other.terms[place].value = weights[place] }
    for place in unread.indices { other.unread[place].value = weights[terms.count + place] }
    return other
  }

  /// Words of a passage: one varint a column (https://sqlite.org/fts5.html, the %_docsize table).
  private func length(of id: Int64) throws -> Double {
    if let known = counted.lengths[id] { return known }
    let length = try readLength(of: id)
    counted.lengths[id] = length
    return length
  }

  private func readLength(of id: Int64) throws -> Double {
    let statement = try connection.statement("SELECT sz FROM words_docsize WHERE id = ?")
    defer { statement.reset() }
    try statement.bind(1, id)
    guard try statement.step() else { return model.size.averageLength }
    return statement.withBlob(0) { bytes in
      var total = 0
      var value = 0
      for byte in bytes {
        value = value << 7 & 0xfff_ffff | Int(byte & 0x7f)
        if byte & 0x80 == 0 {
          total += value
          value = 0
        }
      }
      return Double(total)
    }
  }
}
