import Database

// What becomes of a window of files: vectors, then one transaction for all of them.
extension IndexRun {
  /// Passages embedded before it is asked whether their vectors should be stored: ahead of their file, so
  /// that a large one does not begin again from nothing when the run ends early.
  private static let slice = 1024
  /// Seconds of an embedder's work that may wait to be stored.
  private static let unstored = 0.5

  func finish(_ window: [PreparedFile], _ work: ArraySlice<IndexWork>) async throws {
    var vectors: [PassageHash: Int64] = [:]
    let (texts, hashes) = try unknown(window, &vectors)
    var (stored, done) = (0, 0)
    var made: [Float] = []
    var began = Clock.seconds()
    while done < texts.count {
      let next = min(done + Self.slice, texts.count)
      made += try await embed(Array(texts[done..<next]))
      done = next
      guard done < texts.count, Clock.seconds() - began > Self.unstored else { continue }
      try keep(made, hashes[stored..<done], &vectors)
      made = []
      (stored, began) = (done, Clock.seconds())
    }
    let files = Array(zip(window, work))
    let size = max(1, options.filesPerTransaction ?? files.count)
    var events: [IndexEvent] = []
    if size < files.count || Task.isCancelled || stored == done {
      try keep(made, hashes[stored...], &vectors)
      try Task.checkCancellation()
      for first in stride(from: 0, to: files.count, by: size) {
        events += try write(files[first..<min(first + size, files.count)], vectors)
      }
    } else {
      events = try write(files, made, Array(hashes[stored...]), &vectors)
    }
    // Told only now that it is so.
    for event in events { send(event) }
    report(force: false)
  }

  /// Fills in the vectors that are there; returns what has none yet and is to be embedded.
  private func unknown(
    _ window: [PreparedFile], _ vectors: inout [PassageHash: Int64]
  ) throws -> (texts: [String], hashes: [PassageHash]) {
    var texts: [String] = []
    var hashes: [PassageHash] = []
    if embedding == nil { return (texts, hashes) }
    var wanted: Set<PassageHash> = []
    // One look at the database for all of them.
    try store.connection.snapshot {
      for file in window {
        for (index, chunk) in file.chunks.enumerated() where vectors[chunk.hash] == nil {
          if let id = try store.embedding(hash: chunk.hash) {
            vectors[chunk.hash] = id
          } else if wanted.insert(chunk.hash).inserted {
            texts.append(file.embeddedText(index))
            hashes.append(chunk.hash)
          }
        }
      }
    }
    return (texts, hashes)
  }

  /// Writes a window's files and its last vectors by one transaction, the vectors' file beside it on another
  /// thread.
  private func write(
    _ files: [(PreparedFile, IndexWork)], _ made: [Float], _ hashes: [PassageHash],
    _ vectors: inout [PassageHash: Int64]
  ) throws -> [IndexEvent] {
    let before = (progress, summary, skipped)
    let batch = try store.vectors.begin(hashes: hashes, vectors: made)
    for (hash, id) in zip(hashes, batch.ids) { vectors[hash] = id }
    do {
      let events = try store.connection.transaction {
        try store.vectors.enter(batch)
        let events = try enter(files[...], vectors)
        try store.vectors.publish(batch)
        return events
      }
      store.vectors.keep(batch)
      return events
    } catch let error as DatabaseError {
      guard error.isAboutValues else { throw error }
      (progress, summary, skipped) = before
    }
    try keep(made, hashes[...], &vectors)
    return try write(files[...], vectors)
  }

  /// Writes files by one transaction: all of them, or, where the database refuses one, each by its own
  /// and the refused ones not at all.
  private func write(
    _ files: ArraySlice<(PreparedFile, IndexWork)>, _ vectors: [PassageHash: Int64]
  ) throws -> [IndexEvent] {
    let before = (progress, summary, skipped)
    do {
      return try store.connection.transaction { try enter(files, vectors) }
    } catch let error as DatabaseError {
      guard error.isAboutValues else { throw error }
      (progress, summary, skipped) = before
      if files.count > 1 {
        return try files.indices.flatMap { try write(files[$0...$0], vectors) }
      }
      return try files.map { try skip($0.0, nil, .notStored) }
    }
  }

  private func enter(
    _ files: ArraySlice<(PreparedFile, IndexWork)>, _ vectors: [PassageHash: Int64]
  ) throws -> [IndexEvent] {
    try files.compactMap { file, item in
      let event = try write(file, item, vectors)
      progress.filesDone += 1
      progress.bytesDone += file.scanned.size
      return event
    }
  }

  private func embed(_ texts: [String]) async throws -> [Float] {
    guard let embedding else { return [] }
    let base = progress
    let send = send
    let start = start
    let vectors = try await embedding.embed(texts) { count in
      var now = base
      now.embedded += count
      now.seconds = Clock.seconds() - start
      send(.progress(now))
    }
    progress.embedded += texts.count
    summary.embedded += texts.count
    return vectors
  }

  private func keep(
    _ made: [Float], _ hashes: ArraySlice<PassageHash>, _ vectors: inout [PassageHash: Int64]
  ) throws {
    let ids = try store.vectors.append(hashes: Array(hashes), vectors: made)
    for (hash, id) in zip(hashes, ids) { vectors[hash] = id }
  }

  private func write(
    _ file: PreparedFile, _ work: IndexWork, _ vectors: [PassageHash: Int64]
  ) throws -> IndexEvent? {
    switch file.content {
    case .unchanged:
      if let known = work.known {
        try store.touch(
          known.id, size: file.record.size, modified: file.record.modified, root: known.rootID)
      }
      summary.unchanged += 1
      return nil
    case .skipped(let reason):
      return try skip(file, work.known, reason)
    case .chunks:
      if let known = work.known { try store.removeFile(known.id) }
      let ids = embedding == nil ? nil : file.chunks.compactMap { vectors[$0.hash] }
      try store.insert(
        file.record, root: file.rootID, chunks: file.chunks, utf8: file.utf8,
        tokens: file.tokens, vectors: ids)
      if work.known == nil { summary.added += 1 } else { summary.updated += 1 }
      summary.chunks += file.chunks.count
      summary.bytes += file.record.size
      progress.chunks += file.chunks.count
      return .fileIndexed(
        path: file.scanned.path, chunks: file.chunks.count, embedded: ids?.count ?? 0,
        bytes: file.record.size)
    }
  }

  private func skip(
    _ file: PreparedFile, _ known: ManifestEntry?, _ reason: SkipReason
  ) throws -> IndexEvent {
    if !reason.mayPass, let known { try store.removeFile(known.id) }
    if reason.isLasting {
      var record = file.record
      record.skipped = reason.description
      try store.insert(
        record, root: file.rootID, chunks: [], utf8: [], tokens: FileTokens(),
        vectors: embedding == nil ? nil : [])
    } else {
      skipped[file.rootID, default: [:]][reason, default: 0] += 1
    }
    summary.skipped[reason, default: 0] += 1
    return .skipped(path: file.scanned.path, reason: reason)
  }
}
