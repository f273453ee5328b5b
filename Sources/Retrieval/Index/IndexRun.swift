import Database

/// One run of indexing: find what changed, read it, embed it, write it, report.
///
/// Files are read and cut in a second task while the ones before are embedded and written. They go
/// through in windows; a window's vectors are made longest text first, across its files. Every file
/// is written by exactly one transaction (a window of small files shares one), so a reader sees
/// whole files only and a run that ends early leaves a consistent index, which the next continues.
final class IndexRun {
  typealias Send = @Sendable (IndexEvent) -> Void

  let store: IndexStore
  let embedding: EmbeddingService?
  let options: IndexOptions
  let send: Send

  private var progress = IndexProgress()
  private var summary = IndexSummary()
  private let start = Clock.seconds()
  private var lastReport = 0.0
  /// Passages a window should have: grows while windows are quick.
  private var windowChunks = 128

  init(
    store: IndexStore, embedder: (any Embedder)?, options: IndexOptions, send: @escaping Send
  ) {
    self.store = store
    embedding = embedder.map { EmbeddingService($0) }
    self.options = options
    self.send = send
  }

  /// A file to be looked at.
  private struct Work: Sendable {
    var file: ScannedFile
    var root: Int64
    var known: ManifestEntry?
    /// The manifest's hash counts: the same bytes need not be read again.
    var isComplete: Bool
  }

  /// Brings the given roots up to date and removes files that are gone.
  /// - Parameter paths: only these roots; nil for all.
  func refresh(only paths: Set<String>?) async throws -> IndexSummary {
    let unfinished = try store.meta("unfinished") != nil
    var manifest = try store.manifest()
    let roots = try store.roots()
    let chosen = roots.filter { paths?.contains($0.path) ?? true }
    var work: [Work] = []
    var gone: [(id: Int64, path: String)] = []
    for root in chosen {
      try scan(root, &manifest, &work, &gone)
    }
    progress.filesTotal = work.count
    progress.bytesTotal = work.reduce(0) { $0 + $1.file.size }
    if !work.isEmpty || !gone.isEmpty || unfinished {
      try store.setMeta("unfinished", "1")
      try await process(work, roots: roots)
      // Removal comes last, so that a moved file finds its vectors.
      try remove(gone)
      try store.connection.transaction {
        try store.dropOrphans(everything: unfinished)
        try store.setMeta("unfinished", nil)
      }
      try store.shrink()
    }
    summary.seconds = Clock.seconds() - start
    report(force: true)
    return summary
  }

  // MARK: Finding

  private func scan(
    _ root: (id: Int64, path: String, skipped: String), _ manifest: inout [String: ManifestEntry],
    _ work: inout [Work], _ gone: inout [(id: Int64, path: String)]
  ) throws {
    var scanner = FolderScanner(options: options)
    let send = send
    let before = work.count
    scanner.onSkip = { send(.skipped(path: $0, reason: $1)) }
    scanner.onProgress = { found in
      send(.scanning(found: before + found))
      return !Task.isCancelled
    }
    let found = scanner.scan(root.path)
    try Task.checkCancellation()
    var present: Set<String> = []
    for file in found ?? [] {
      present.insert(file.path)
      let known = manifest[file.path]
      if let known, isCurrent(known, file) {
        summary.unchanged += 1
        continue
      }
      // A file below two roots belongs to the one that has it already, else to the first.
      if known == nil { manifest[file.path] = Self.placeholder(root.id) }
      if let known, known.id == 0 { continue }
      work.append(
        Work(
          file: file, root: root.id, known: known,
          isComplete: known.map { isComplete($0) } ?? false))
    }
    for (path, entry) in manifest where entry.rootID == root.id && entry.id != 0 {
      if !present.contains(path) { gone.append((entry.id, path)) }
    }
    gone.sort { $0.path < $1.path }
    summary.skipped.merge(scanner.skipped) { $0 + $1 }
    let counts = SkipReason.encode(scanner.skipped)
    if counts != root.skipped { try store.setSkipped(root: root.id, counts) }
  }

  private static func placeholder(_ root: Int64) -> ManifestEntry {
    ManifestEntry(
      id: 0, rootID: root, size: -1, modified: 0, sha256: [], format: 0, embedded: false)
  }

  private func isCurrent(_ known: ManifestEntry, _ file: ScannedFile) -> Bool {
    known.size == file.size && known.modified == file.modified && isComplete(known)
  }

  /// Read with today's settings, and with vectors when this run makes them.
  private func isComplete(_ known: ManifestEntry) -> Bool {
    // Without an embedder the passages of an earlier run with one are better than new ones.
    embedding == nil
      ? known.format >> 32 == store.format >> 32 : known.format == store.format && known.embedded
  }

  // MARK: Reading ahead

  private func process(_ work: [Work], roots: [(id: Int64, path: String, skipped: String)])
    async throws
  {
    let preparation = FilePreparation(
      chunker: options.chunker(for: embedding?.embedder),
      roots: Dictionary(uniqueKeysWithValues: roots.map { ($0.id, $0.path) }))
    var next = 0
    var ahead = prepare(work, from: next, preparation)
    do {
      while next < work.count {
        let reading = ahead
        // Waiting for a task does not cancel it with the one that waits.
        let window = try await withTaskCancellationHandler {
          try await reading.value
        } onCancel: {
          reading.cancel()
        }
        next += window.count
        if next < work.count { ahead = prepare(work, from: next, preparation) }
        let began = Clock.seconds()
        try await finish(window, Array(work[(next - window.count)..<next]))
        let took = Clock.seconds() - began
        if took < 0.4 {
          windowChunks = min(windowChunks * 2, 8192)
        } else if took > 2 {
          windowChunks = max(windowChunks / 2, 64)
        }
      }
    } catch {
      ahead.cancel()
      throw error
    }
  }

  /// Reads files from `first` until a window is full. At least one.
  private func prepare(
    _ work: [Work], from first: Int, _ preparation: FilePreparation
  ) -> Task<[PreparedFile], any Error> {
    let wanted = windowChunks
    return Task.detached {
      var window: [PreparedFile] = []
      var chunks = 0
      for item in work[first...] {
        try Task.checkCancellation()
        let known = item.isComplete ? item.known?.sha256 : nil
        window.append(preparation.prepare(item.file, root: item.root, known: known))
        chunks += window[window.count - 1].chunks.count
        if chunks >= wanted || window.count >= 1024 { break }
      }
      return window
    }
  }

  // MARK: Embedding and writing

  private func finish(_ window: [PreparedFile], _ work: [Work]) async throws {
    var vectors: [[UInt8]: Int64] = [:]
    var texts: [String] = []
    var hashes: [[UInt8]] = []
    if embedding != nil {
      var wanted: Set<[UInt8]> = []
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
    // A large file's vectors are stored in slices ahead of it: they are kept when the run ends early.
    let slice = 1024
    var done = 0
    var last: (vectors: [Float], range: Range<Int>)?
    while done < texts.count {
      let range = done..<min(done + slice, texts.count)
      let made = try await embed(Array(texts[range]))
      done = range.upperBound
      if done == texts.count {
        last = (made, range)
      } else {
        try store.connection.transaction { try keep(made, hashes[range], &vectors) }
      }
    }
    if let last {
      try store.connection.transaction { try keep(last.vectors, hashes[last.range], &vectors) }
    }
    for (file, item) in zip(window, work) {
      try store.connection.transaction { try write(file, item, vectors) }
    }
    try Task.checkCancellation()
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
    _ made: [Float], _ hashes: ArraySlice<[UInt8]>, _ vectors: inout [[UInt8]: Int64]
  ) throws {
    let dimension = hashes.isEmpty ? 0 : made.count / hashes.count
    try made.withUnsafeBytes { bytes in
      for (index, hash) in hashes.enumerated() {
        let start = index * dimension * 4
        vectors[hash] = try store.insertEmbedding(
          hash: hash,
          vector: UnsafeRawBufferPointer(rebasing: bytes[start..<start + dimension * 4]))
      }
    }
  }

  private func write(_ file: PreparedFile, _ work: Work, _ vectors: [[UInt8]: Int64]) throws {
    let path = file.scanned.path
    switch file.content {
    case .unchanged:
      if let known = work.known {
        try store.touch(
          known.id, size: file.record.size, modified: file.record.modified, root: known.rootID)
      }
      summary.unchanged += 1
    case .skipped(let reason):
      // What was indexed before is no longer what the disk holds.
      if let known = work.known { try store.removeFile(known.id) }
      if reason.isLasting {
        var record = file.record
        record.skipped = reason.description
        try store.insert(
          record, root: file.rootID, chunks: [], utf8: [], vectors: embedding == nil ? nil : [])
      }
      summary.skipped[reason, default: 0] += 1
      send(.skipped(path: path, reason: reason))
    case .chunks:
      if let known = work.known { try store.removeFile(known.id) }
      let ids = embedding == nil ? nil : file.chunks.compactMap { vectors[$0.hash] }
      try store.insert(
        file.record, root: file.rootID, chunks: file.chunks, utf8: file.utf8, vectors: ids)
      if work.known == nil { summary.added += 1 } else { summary.updated += 1 }
      summary.chunks += file.chunks.count
      summary.bytes += file.record.size
      progress.chunks += file.chunks.count
      send(
        .fileIndexed(
          path: path, chunks: file.chunks.count, embedded: ids?.count ?? 0,
          bytes: file.record.size))
    }
    progress.filesDone += 1
    progress.bytesDone += file.scanned.size
    report(force: false)
  }

  private func remove(_ gone: [(id: Int64, path: String)]) throws {
    var first = 0
    while first < gone.count {
      try Task.checkCancellation()
      let part = gone[first..<min(first + 256, gone.count)]
      try store.connection.transaction {
        for file in part { try store.removeFile(file.id) }
      }
      for file in part { send(.fileRemoved(path: file.path)) }
      summary.removed += part.count
      first += part.count
    }
  }

  /// At most ten reports a second.
  private func report(force: Bool) {
    let now = Clock.seconds()
    guard force || now - lastReport > 0.1 else { return }
    lastReport = now
    progress.seconds = now - start
    send(.progress(progress))
  }
}
