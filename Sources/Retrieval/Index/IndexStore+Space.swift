import Database

// What is done at the end of a run about the space that it left and the words that it scattered.
extension IndexStore {
  /// Drops the vectors that no passage has any more.
  /// - Parameter everything: look at all vectors, not only at those this run touched (after a run
  ///   that did not end).
  func dropOrphans(everything: Bool) throws {
    var orphans: [Int64] = []
    if everything {
      let all = try connection.statement(
        "SELECT id FROM embedding EXCEPT SELECT embedding_id FROM chunk")
      while try all.step() { orphans.append(all.integer(0)) }
      all.reset()
    } else {
      let used = try connection.statement("SELECT 1 FROM chunk WHERE embedding_id = ?")
      for id in maybeOrphaned.sorted() {
        if try !used.bind(1, id).step() { orphans.append(id) }
        used.reset()
      }
    }
    maybeOrphaned.removeAll()
    if orphans.isEmpty { return }
    try vectors.remove(orphans)
    let delete = try connection.statement("DELETE FROM embedding WHERE id = ?")
    for id in orphans { try delete.bind(1, id).run() }
  }

  /// Gives the space of deleted rows back to the file system.
  func shrink() throws {
    try mergeWords(entered: 0)
    let free = try connection.integer("PRAGMA freelist_count") ?? 0
    let pages = try connection.integer("PRAGMA page_count") ?? 0
    // A few free pages will be used by the next file anyway.
    if free > 16, free * 10 > pages {
      let statement = try connection.statement("PRAGMA incremental_vacuum")
      while try statement.step() {}
      statement.reset()
    }
    try truncateLog()
  }

  /// Copies the write-ahead log into the database and empties it, unless a reader still needs it.
  func truncateLog() throws {
    connection.finishCheckpoint()
    try connection.execute("PRAGMA busy_timeout=50")
    defer { try? connection.execute("PRAGMA busy_timeout=10000") }
    _ = try? connection.integer("PRAGMA wal_checkpoint(TRUNCATE)")
  }

  // MARK: Words

  /// The highest number a passage was given; none gets it again.
  private func lastPassage() throws -> Int64 {
    try connection.integer("SELECT seq FROM sqlite_sequence WHERE name = 'chunk'") ?? 0
  }

  /// Passages entered since the words were last merged whole.
  func enteredPassages() throws -> Int {
    Int(try lastPassage() - (try meta("merged").flatMap { Int64($0) } ?? 0))
  }

  /// Merges all words into one segment where that is due, in steps that can be stopped between: the next call
  /// goes on from there (https://sqlite.org/fts5.html#the_merge_command).
  /// - Parameters:
  ///   - entered: see `WordMerge`.
  ///   - report: told the pages written so far, and how many they will be, about.
  /// - Returns: whether anything was done.
  @discardableResult
  func mergeWords(entered: Int, report: (_ done: Int, _ total: Int) -> Void = { _, _ in }) throws
    -> Bool
  {
    let isDue = try merge.isDue(removed: removedChunks, entered: entered) {
      Int(try connection.integer("SELECT count(*) FROM chunk") ?? 0)
    }
    guard isDue else { return false }
    // The last page of each segment on which a word begins; the rest of that word's list may be longer.
    let total = try connection.integer(
      "SELECT sum(last) FROM (SELECT max(pgno >> 1) AS last FROM words_idx GROUP BY segid)")
    // With a negative number FTS5 begins a merge of everything, or goes on with one.
    var pages = -merge.pages
    var done = 0
    while !Task.isCancelled {
      report(min(done, Int(total ?? 0)), Int(total ?? 0))
      let before = connection.totalChanges
      try connection.execute("INSERT INTO words(words, rank) VALUES('merge', \(pages))")
      if connection.totalChanges - before < 2 {
        removedChunks = 0
        try setMeta("merged", String(try lastPassage()))
        break
      }
      pages = merge.pages
      done += merge.pages
    }
    return true
  }
}
