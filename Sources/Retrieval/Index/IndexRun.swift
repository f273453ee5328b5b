import Database

/// One run of indexing: find what changed, read it, embed it, write it, report.
///
/// Files are read and cut on other threads (`ReadAhead`) while those before are embedded and written.
/// They go through in windows of about half a second's work: a window's vectors are made longest text
/// first, across its files, and its files are written by one transaction. A reader therefore sees whole
/// files only, and a run that ends early leaves a consistent index, which the next continues.
final class IndexRun {
  typealias Send = @Sendable (IndexEvent) -> Void

  let store: IndexStore
  let embedding: EmbeddingService?
  let options: IndexOptions
  let send: Send

  var progress = IndexProgress()
  var summary = IndexSummary()
  /// Files left out by this run, for each root: what `index status` tells of it.
  var skipped: [Int64: [SkipReason: Int]] = [:]
  let start = Clock.seconds()
  private var lastReport = 0.0
  /// Passages a window should have: grows while windows are quick.
  private var windowChunks: Int
  /// Files of a window, at most.
  private static let windowFiles = 1024

  init(
    store: IndexStore, embedder: (any Embedder)?, options: IndexOptions, send: @escaping Send
  ) {
    self.store = store
    embedding = embedder.map { EmbeddingService($0) }
    self.options = options
    self.send = send
    windowChunks = embedder == nil ? 2048 : 128
  }

  /// Brings the given roots up to date and removes files that are gone.
  /// - Parameter paths: only these roots; nil for all.
  func refresh(only paths: Set<String>?) async throws -> IndexSummary {
    let unfinished = try store.meta("unfinished") != nil
    var manifest = try store.manifest()
    let roots = try store.roots()
    let chosen = roots.filter { paths?.contains($0.path) ?? true }
    var work: [IndexWork] = []
    for root in chosen { try scan(root, &manifest, &work) }
    // A file that lies below two roots is gone when neither has it any more.
    let gone = manifest.gone(from: Set(chosen.map(\.id)))
    progress.filesTotal = work.count
    progress.bytesTotal = work.reduce(0) { $0 + $1.file.size }
    let works = !work.isEmpty || !gone.isEmpty || unfinished
    if works {
      try store.setMeta("unfinished", "1")
      try await gatheringWords { try await process(work, roots: roots) }
      // Removal comes last, so that a moved file finds its vectors.
      try remove(gone)
      try store.connection.transaction {
        try store.dropOrphans(everything: unfinished)
        try store.setMeta("unfinished", nil)
      }
      try store.vectors.compact()
    }
    // Also where nothing changed: the run before may have been stopped at this.
    let merged = try store.mergeWords(entered: store.enteredPassages()) { [send] done, total in
      send(.merging(done: done, total: total))
    }
    if works || merged { try store.shrink() }
    for root in chosen {
      let counts = SkipReason.encode(skipped[root.id] ?? [:])
      if counts != root.skipped { try store.setSkipped(root: root.id, counts) }
    }
    summary.seconds = Clock.seconds() - start
    report(force: true)
    return summary
  }

  /// Where nothing but words is entered, and many of them, the run lasts seconds: merging them on the way would
  /// take a seventh of it, only to be done again at its end where the index is large.
  private func gatheringWords(_ body: () async throws -> Void) async throws {
    guard embedding == nil, progress.bytesTotal > 16 << 20 else { return try await body() }
    try IndexSchema.prepareWords(store.connection, isGathering: true)
    // After a run that is killed, opening the index does this.
    defer { try? IndexSchema.prepareWords(store.connection) }
    try await body()
  }

  // MARK: Finding

  private func scan(
    _ root: (id: Int64, path: String, skipped: String), _ manifest: inout Manifest,
    _ work: inout [IndexWork]
  ) throws {
    var scanner = FolderScanner(options: options)
    let send = send
    let before = work.count
    scanner.onSkip = { send(.skipped(path: $0, reason: $1)) }
    scanner.onProgress = { found in
      send(.scanning(found: before + found))
      return !Task.isCancelled
    }
    let found = manifest.scan(root.path, &scanner)
    try Task.checkCancellation()
    if manifest.isUnread(root.path) {
      let files = try store.fileCount(root: root.id)
      if files > 0 { summary.kept[root.path] = files }
    }
    for file in found {
      var known: ManifestEntry?
      switch manifest.find(file.path) {
      case .again: continue
      case .new: break
      case .known(let entry):
        if isCurrent(entry, file) {
          summary.unchanged += 1
          continue
        }
        known = entry
      }
      var hash: [UInt8]?
      if let known, isComplete(known) { hash = try store.sha256(ofFile: known.id) }
      work.append(IndexWork(file: file, root: root.id, known: known, sha256: hash))
    }
    summary.skipped.merge(scanner.skipped) { $0 + $1 }
    skipped[root.id] = scanner.skipped
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

  // MARK: Windows

  private func process(
    _ work: [IndexWork], roots: [(id: Int64, path: String, skipped: String)]
  ) async throws {
    let preparation = FilePreparation(
      chunker: options.chunker(for: embedding?.embedder),
      mostTokens: options.mostTokens(for: embedding?.embedder), hashes: embedding != nil,
      roots: Dictionary(uniqueKeysWithValues: roots.map { ($0.id, $0.path) }))
    var ahead = ReadAhead(work, preparation: preparation)
    var read: ArraySlice<PreparedFile> = []
    var done = 0
    do {
      while true {
        var window: [PreparedFile] = []
        var chunks = 0
        while chunks < windowChunks, window.count < Self.windowFiles {
          if read.isEmpty {
            guard let files = try await ahead.files() else { break }
            read = files[...]
          }
          guard let file = read.popFirst() else { continue }
          chunks += file.chunks.count
          window.append(file)
        }
        if window.isEmpty { break }
        let began = Clock.seconds()
        try await finish(window, work[done..<done + window.count])
        try store.vectors.compactBeside()
        let took = Clock.seconds() - began
        if took < 0.4 {
          windowChunks = min(windowChunks * 2, 8192)
        } else if took > 1 {
          windowChunks = max(windowChunks / 2, 64)
        }
        done += window.count
      }
    } catch {
      ahead.cancel()
      throw error
    }
    try store.vectors.compact()
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
  func report(force: Bool) {
    let now = Clock.seconds()
    guard force || now - lastReport > 0.1 else { return }
    lastReport = now
    progress.seconds = now - start
    send(.progress(progress))
  }
}
