import CSQLite

/// One word's occurrences in an FTS5 table.
package struct PostingList: Sendable {
  /// Rows with the word, ascending, from 1.
  package var rows: [Int64] = []
  /// For each row, its occurrences counted with the weights of their columns.
  package var frequencies: [Float] = []
  /// For each row, where its places begin in `places`; one entry more than rows.
  package var starts: [Int32] = [0]
  /// column << 28 | number of the word within the column, ascending within a row.
  package var places: [UInt32] = []
  /// False when the limit was reached: the list then holds the first rows only.
  package var isComplete = true

  package init() {}
}

/// The numbers of an FTS5 table that bm25 needs.
package struct FullTextSize: Sendable, Equatable {
  package var rows = 0
  /// Words in all columns of all rows.
  package var words = 0

  package init(rows: Int = 0, words: Int = 0) {
    self.rows = rows
    self.words = words
  }

  /// Words of a row, at least 1.
  package var averageLength: Double { max(1, Double(words) / Double(max(1, rows))) }
}

/// FTS5's posting lists, read in one loop.
///
/// FTS5's own `bm25()` counts every row of every word before it scores the first row, and looks up
/// the length of each row: about 1.5 µs a row. An auxiliary function of ours asks for one word at a
/// time (`xQueryPhrase`) and may stop: about 0.04 µs a row, by FTS5's public interface alone.
/// (https://sqlite.org/fts5.html#custom_auxiliary_functions)
extension Connection {
  /// Rows with a word (a quoted FTS5 phrase), up to a limit.
  ///
  /// - Parameters:
  ///   - table: an FTS5 table with positions (`detail=full`).
  ///   - match: an FTS5 expression of exactly one phrase.
  ///   - weights: what one occurrence counts in each column.
  ///   - limit: rows to read at most.
  /// - Returns: nil when no row matches.
  /// - Throws: `.corrupt` where the index was read to be damaged, its rows out of order included: whoever
  ///   takes a list relies on them.
  package func postings(
    of match: String, in table: String, weights: [Float], limit: Int
  ) throws -> (list: PostingList, size: FullTextSize)? {
    installFullText()
    let reading = FullTextReading.make(weights: weights, limit: limit)
    defer { FullTextReading.free(reading) }
    let statement = try statement(
      "SELECT carrel_postings(\(table), ?1) FROM \(table) WHERE \(table) MATCH ?2 LIMIT 1")
    defer { statement.reset() }
    try statement.bindPointer(1, reading)
    try statement.bind(2, match)
    guard try statement.step() else { return nil }
    try check(reading)
    return (reading.pointee.list, reading.pointee.size)
  }

  /// The occurrences of several phrases in one row: for each phrase its weighted frequency.
  ///
  /// - Parameter match: phrases joined by OR, as many as `count`.
  package func frequencies(
    of match: String, count: Int, in table: String, row: Int64, weights: [Float]
  ) throws -> [Float] {
    installFullText()
    let reading = FullTextReading.make(weights: weights, limit: 1)
    defer { FullTextReading.free(reading) }
    let statement = try statement(
      """
      SELECT carrel_frequencies(\(table), ?1) FROM \(table) WHERE \(table) MATCH ?2 AND rowid = ?3
      """)
    defer { statement.reset() }
    try statement.bindPointer(1, reading)
    try statement.bind(2, match).bind(3, row)
    guard try statement.step() else { return .init(repeating: 0, count: count) }
    try check(reading)
    guard reading.pointee.list.frequencies.count == count else {
      return .init(repeating: 0, count: count)
    }
    return reading.pointee.list.frequencies
  }

  private func check(_ reading: FullTextReading.Pointer) throws(DatabaseError) {
    let status = reading.pointee.status
    guard status != SQLITE_OK, status != SQLITE_DONE else { return }
    throw DatabaseError.from(status, detail: String(cString: sqlite3_errstr(status)), path: path)
  }

  private func installFullText() {
    if hasFullText { return }
    hasFullText = true
    FullTextReading.install(on: handle)
  }
}

/// What travels through SQLite into the auxiliary functions and back. Behind a pointer: the runtime
/// checks every access to a class's variables, which for every row of a list is felt.
private struct FullTextReading {
  var list = PostingList()
  var size = FullTextSize()
  /// SQLite's result code: an auxiliary function has no other way to give one back.
  var status = SQLITE_OK
  let weights: [Float]
  let limit: Int

  private typealias API = UnsafePointer<Fts5ExtensionApi>
  typealias Pointer = UnsafeMutablePointer<FullTextReading>

  static func make(weights: [Float], limit: Int) -> Pointer {
    let pointer = Pointer.allocate(capacity: 1)
    pointer.initialize(to: FullTextReading(weights: weights, limit: limit))
    return pointer
  }

  static func free(_ pointer: Pointer) {
    pointer.deinitialize(count: 1)
    pointer.deallocate()
  }

  static func install(on handle: OpaquePointer) {
    guard let api = PorterTokenizer.interface(handle) else { return }
    _ = api.pointee.xCreateFunction?(
      api, "carrel_postings", nil,
      { api, context, _, count, values in
        guard let api, let reading = FullTextReading.argument(count, values) else { return }
        reading.pointee.readSize(api, context)
        let status = api.pointee.xQueryPhrase?(context, 0, reading) { api, context, pointer in
          guard let api, let pointer else { return SQLITE_ERROR }
          return pointer.assumingMemoryBound(to: FullTextReading.self).pointee.take(api, context)
        }
        reading.pointee.status = status ?? SQLITE_ERROR
      }, nil)
    _ = api.pointee.xCreateFunction?(
      api, "carrel_frequencies", nil,
      { api, context, _, count, values in
        guard let api, let reading = FullTextReading.argument(count, values) else { return }
        for phrase in 0..<(api.pointee.xPhraseCount?(context) ?? 0) {
          let frequency = reading.pointee.visit(api, context, phrase: phrase)
          reading.pointee.list.frequencies.append(frequency)
        }
      }, nil)
  }

  private static func argument(
    _ count: Int32, _ values: UnsafeMutablePointer<OpaquePointer?>?
  ) -> Pointer? {
    guard count == 1, let value = values?[0],
      let pointer = sqlite3_value_pointer(value, Statement.pointerType)
    else { return nil }
    return pointer.assumingMemoryBound(to: FullTextReading.self)
  }

  private mutating func readSize(_ api: API, _ context: OpaquePointer?) {
    var number: Int64 = 0
    if api.pointee.xRowCount?(context, &number) == SQLITE_OK { size.rows = Int(number) }
    if api.pointee.xColumnTotalSize?(context, -1, &number) == SQLITE_OK { size.words = Int(number) }
  }

  /// Takes one row of a list.
  private mutating func take(_ api: API, _ context: OpaquePointer?) -> Int32 {
    if list.rows.count >= limit {
      list.isComplete = false
      return SQLITE_DONE
    }
    let row = api.pointee.xRowid?(context) ?? 0
    guard row > list.rows.last ?? 0, row < .max else { return SQLITE_CORRUPT }
    let frequency = visit(api, context, phrase: 0)
    guard status == SQLITE_OK else { return status }
    list.rows.append(row)
    list.frequencies.append(frequency)
    list.starts.append(Int32(truncatingIfNeeded: list.places.count))
    return SQLITE_OK
  }

  /// Keeps the places of one phrase in the current row; returns its weighted frequency.
  @inline(__always)
  private mutating func visit(_ api: API, _ context: OpaquePointer?, phrase: Int32) -> Float {
    var places = Fts5PhraseIter()
    var column: Int32 = -1
    var offset: Int32 = 0
    var frequency: Float = 0
    let found = api.pointee.xPhraseFirst?(context, phrase, &places, &column, &offset)
    guard found == SQLITE_OK else {
      status = found ?? SQLITE_ERROR
      return 0
    }
    while column >= 0 {
      guard column < 16, (0..<0xfff_ffff).contains(offset) else {
        status = SQLITE_CORRUPT
        return 0
      }
      frequency += Int(column) < weights.count ? weights[Int(column)] : 1
      list.places.append(UInt32(column) << 28 | UInt32(offset))
      api.pointee.xPhraseNext?(context, &places, &column, &offset)
    }
    return frequency
  }
}
