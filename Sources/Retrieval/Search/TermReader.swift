import Database

/// Decides which words of a question are read in full, and reads them.
///
/// Every word is read up to a limit, which is all there is of most. The others are counted on a
/// sample, and read from the rarest on while the budget lasts.
struct TermReader {
  struct Word {
    var text: String
    var isStop: Bool
    /// nil when the word is too common to be read.
    var list: PostingList?
    /// Passages with the word; an estimate when `list` is not complete.
    var rows = 0
    /// Whether passages are looked for by this word.
    var proposes = false
  }

  let connection: Connection
  let limits: LexicalSearch.Limits
  private(set) var words: [Word] = []
  private(set) var readings: TermReadings
  var size: FullTextSize { readings.size }

  /// - Parameter earlier: what was read for another form of the same question with the same limits: as long
  ///   as nobody has changed the index since, it is not read again.
  init(
    connection: Connection, limits: LexicalSearch.Limits, after earlier: TermReadings? = nil
  ) throws {
    self.connection = connection
    self.limits = limits
    let state = try connection.indexState()
    readings = earlier.flatMap { $0.state == state ? $0 : nil } ?? TermReadings(state)
  }

  mutating func read(_ query: QueryTerms) throws {
    for (text, isStop) in zip(query.words, query.isStop) {
      var word = Word(text: text, isStop: isStop)
      if readings.words[text] == nil {
        readings.words[text] = .init(probe: try list(text, limit: limits.probe))
      }
      word.list = readings.words[text]?.probe
      word.rows = word.list?.rows.count ?? 0
      words.append(word)
    }
    let hasTelling = words.contains { !$0.isStop && $0.rows > 0 }
    var spent = 0
    var common: [Int] = []
    for index in words.indices where words[index].list != nil {
      let counts = !hasTelling || !words[index].isStop
      if words[index].list?.isComplete == true {
        words[index].proposes = counts
        if counts { spent += words[index].rows }
      } else {
        words[index].list = nil
        if counts {
          let text = words[index].text
          let rows = try readings.words[text]?.estimate ?? estimate(text)
          readings.words[text]?.estimate = rows
          words[index].rows = max(words[index].rows, rows)
          common.append(index)
        }
      }
    }
    common.sort { (words[$0].rows, $0) < (words[$1].rows, $1) }
    for index in common
    where spent < limits.candidates || spent + words[index].rows <= limits.postings {
      let text = words[index].text
      let list = try readings.words[text]?.list ?? list(text, limit: limits.postings)
      readings.words[text]?.list = .some(list)
      if let list, list.isComplete { words[index].rows = list.rows.count }
      spent += list?.rows.count ?? 0
      words[index].list = list
      words[index].proposes = true
    }
  }

  private mutating func list(_ word: String, limit: Int) throws -> PostingList? {
    let found = try connection.postings(
      of: QueryTerms.phrase(word), in: "words", weights: IndexSchema.weights, limit: limit)
    if let found { readings.size = found.size }
    return found?.list
  }

  /// Windows of a sample, and the part of all passages in them together.
  private static let windows: Int64 = 16
  private static let sampled: Int64 = 128

  /// Counts the word in stretches spread evenly over the index: neighbours are of one file, so one
  /// stretch alone would tell of a few files only.
  private func estimate(_ word: String) throws -> Int {
    let first = try connection.integer("SELECT min(id) FROM chunk") ?? 0
    let last = try connection.integer("SELECT max(id) FROM chunk") ?? 0
    let span = last - first + 1
    let width = max(1, span / (Self.windows * Self.sampled))
    let statement = try connection.statement(
      "SELECT count(*) FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ?")
    defer { statement.reset() }
    var found: Int64 = 0
    for window in 0..<Self.windows {
      let start = first + span * (2 * window + 1) / (2 * Self.windows)
      statement.reset()
      try statement.bind(1, QueryTerms.phrase(word)).bind(2, start).bind(3, start + width - 1)
      if try statement.step() { found += statement.integer(0) }
    }
    return Int(clamping: found * span / (width * Self.windows))
  }
}

/// What was read of words, on one state of the index.
struct TermReadings {
  /// Of one word: with each limit, and counted on the sample.
  struct Word {
    var probe: PostingList?
    var list: PostingList??
    var estimate: Int?
  }

  /// `Connection.indexState`.
  let state: Int64
  var size = FullTextSize()
  var words: [String: Word] = [:]

  init(_ state: Int64) { self.state = state }
}
