import Database
import Glibc
import Storage

/// The index of some folders: one SQLite database with the passages, their words and their vectors.
///
/// One process at a time may change an index (`index.lock` in its folder); any number may search it
/// meanwhile, and each search sees the state between two files.
package final class DocumentIndex: Sendable {
  /// The folder that holds `carrel.sqlite`, absolute.
  package let folder: String
  package let isReadOnly: Bool
  let reader: IndexReader

  package var databasePath: String { folder + "/carrel.sqlite" }

  private let threads: VectorThreads

  private init(folder: String, isReadOnly: Bool, threads: Int?) throws {
    self.folder = folder
    self.isReadOnly = isReadOnly
    self.threads = threads.map { VectorThreads(count: $0) } ?? .shared
    let path = folder + "/carrel.sqlite"
    if !isReadOnly {
      // Makes the file and brings an older format up to date.
      _ = try IndexSchema.open(path, mode: .readWrite)
    }
    reader = try IndexReader(
      IndexSchema.open(path, mode: .readOnly), threads: self.threads)
  }

  /// Opens the index in `folder`; makes folder and database where missing unless `readOnly`.
  /// - Parameter threads: work on vectors with so many; nil takes the cores the process may use.
  /// - Throws: `RetrievalError.noIndex`, `DatabaseError`.
  package static func open(
    folder: String, readOnly: Bool = false, threads: Int? = nil
  ) throws -> DocumentIndex {
    let folder = Paths.absolute(folder)
    if readOnly {
      guard exists(folder: folder) else {
        throw RetrievalError(
          .noIndex, "There is no index in \(folder) yet. Make one with `carrel index add PATH`.",
          subject: folder)
      }
    } else {
      try Paths.makeFolder(folder)
    }
    return try DocumentIndex(folder: folder, isReadOnly: readOnly, threads: threads)
  }

  /// Whether `folder` holds an index.
  package static func exists(folder: String) -> Bool {
    access(Paths.absolute(folder) + "/carrel.sqlite", F_OK) == 0
  }

  // MARK: Changing

  /// Adds files and folders and brings them up to date. Dropping the stream cancels within about a
  /// second and keeps whole files.
  /// Without an embedder only words are indexed; the vectors come with the next run that has one.
  package func add(
    _ paths: [String], embedder: (any Embedder)?, options: IndexOptions = .init()
  ) -> AsyncThrowingStream<IndexEvent, any Error> {
    stream { send in
      let roots = try paths.map { try self.indexable($0) }
      return try await self.write(embedder, options) { store, run in
        try store.connection.transaction {
          for root in roots { try store.addRoot(root) }
        }
        return try await run.refresh(only: Set(roots))
      } send: {
        send($0)
      }
    }
  }

  /// Brings every root up to date with the disk.
  package func refresh(
    embedder: (any Embedder)?, options: IndexOptions = .init()
  ) -> AsyncThrowingStream<IndexEvent, any Error> {
    stream { send in
      try await self.write(embedder, options) { _, run in
        try await run.refresh(only: nil)
      } send: {
        send($0)
      }
    }
  }

  /// Forgets everything but the roots and indexes them anew, with any embedder.
  package func rebuild(
    embedder: (any Embedder)?, options: IndexOptions = .init()
  ) -> AsyncThrowingStream<IndexEvent, any Error> {
    stream { send in
      let lock = try self.lock()
      let connection = try IndexSchema.open(self.databasePath, mode: .readWrite)
      let store = IndexStore(connection)
      try store.clear()
      return try await self.write(embedder, options, holding: lock) { _, run in
        try await run.refresh(only: nil)
      } send: {
        send($0)
      }
    }
  }

  /// Removes roots, or files and folders below them, from the index. Returns how many files left.
  /// What lies below a root that stays comes back with the next refresh unless it is ignored.
  package func remove(_ paths: [String]) throws -> Int {
    let lock = try lock()
    defer { withExtendedLifetime(lock) {} }
    let store = IndexStore(
      try IndexSchema.open(databasePath, mode: .readWrite), threads: threads)
    try store.vectors.prepare()
    let known = try store.roots()
    var roots: Set<Int64> = []
    var leaving: Set<Int64> = []
    // All are looked up before any is removed.
    for path in paths.map({ Paths.absolute($0) }) {
      let below = known.filter { Paths.isAt($0.path, orBelow: path) }.map(\.id)
      let files = try store.files(below: path, roots: below)
      if files.isEmpty && below.isEmpty {
        throw RetrievalError(
          .notIndexed, "\(path) is not in the index. `carrel index status` lists what is.",
          subject: path)
      }
      roots.formUnion(below)
      leaving.formUnion(files)
    }
    try store.connection.transaction {
      for file in leaving.sorted() { try store.removeFile(file) }
      for root in roots { try store.dropRoot(root) }
      try store.dropOrphans(everything: false)
    }
    try store.vectors.compact()
    try store.shrink()
    return leaving.count
  }

  // MARK: Plumbing

  private func stream(
    _ body: @escaping @Sendable (@escaping IndexRun.Send) async throws -> IndexSummary
  ) -> AsyncThrowingStream<IndexEvent, any Error> {
    AsyncThrowingStream { continuation in
      let task = Task.detached {
        do {
          let summary = try await body { continuation.yield($0) }
          continuation.yield(.finished(summary))
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  private func write(
    _ embedder: (any Embedder)?, _ options: IndexOptions, holding held: FileLock? = nil,
    _ body: (IndexStore, IndexRun) async throws -> IndexSummary, send: @escaping IndexRun.Send
  ) async throws -> IndexSummary {
    let lock = try held ?? lock()
    defer { withExtendedLifetime(lock) {} }
    let connection = try IndexSchema.open(databasePath, mode: .readWrite)
    connection.checkpointInBackground()
    let options = own(options)
    let store = IndexStore(
      connection, format: options.format(for: embedder), threads: threads, merge: options.wordMerge)
    try store.vectors.prepare()
    if let embedder { try store.adopt(embedder.identity, folder: folder) }
    let run = IndexRun(store: store, embedder: embedder, options: options, send: send)
    let summary = try await body(store, run)
    // Readers are quicker without a long write-ahead log.
    try store.truncateLog()
    return summary
  }

  private func lock() throws -> FileLock {
    if isReadOnly {
      throw RetrievalError(
        .locked, "The index in \(folder) was opened for reading only.", subject: folder)
    }
    return try Self.lock(folder: folder)
  }

  static func lock(folder: String) throws -> FileLock {
    do {
      return try FileLock(path: folder + "/index.lock", exclusive: true, wait: false)
    } catch {
      if error.code != .locked { throw error }
      throw RetrievalError(
        .locked, "Another process is changing the index in \(folder). Try again when it is done.",
        subject: folder)
    }
  }

  /// With the folder that a scan leaves out.
  func own(_ options: IndexOptions) -> IndexOptions {
    var options = options
    options.indexFolder = folder
    return options
  }

  /// The absolute path of something that is there and is not the index.
  private func indexable(_ path: String) throws -> String {
    let absolute = Paths.absolute(path)
    if absolute == folder || absolute == databasePath {
      throw RetrievalError(
        .notIndexed, "\(absolute) is the index itself, which cannot be indexed.", subject: absolute)
    }
    guard access(absolute, F_OK) == 0 else {
      throw RetrievalError(
        .notFound, "\(absolute) does not exist or may not be read.", subject: absolute)
    }
    return absolute
  }
}

package enum Paths {
  /// Absolute, without "." and ".." and links; what does not exist is only made absolute.
  package static func absolute(_ path: String) -> String {
    FilePath.real(path) ?? FilePath.absolute(path)
  }

  /// Whether a path is another or lies below it, by their bytes.
  static func isAt(_ path: String, orBelow folder: String) -> Bool {
    path.utf8.starts(with: folder.utf8)
      && [nil, slash].contains(path.utf8.dropFirst(folder.utf8.count).first)
  }

  /// Makes a folder and those above it.
  static func makeFolder(_ path: String) throws {
    var made = ""
    for part in path.split(separator: "/") {
      made += "/" + part
      guard mkdir(made, 0o777) != 0, errno != EEXIST else { continue }
      let reason = String(cString: strerror(errno))
      if access(made, F_OK) != 0 {
        throw RetrievalError(
          .io, "The folder \(made) cannot be made: \(reason).", subject: made)
      }
    }
  }
}
