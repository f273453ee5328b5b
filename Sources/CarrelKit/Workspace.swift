import Compute
import FoundationEssentials
import Inference
import Registry
import Retrieval
import Synchronization

/// A folder of models and an index of documents: everything a program needs to index, search and
/// answer.
///
/// ```swift
/// let workspace = Workspace(.resolve())
/// for try await event in workspace.addToIndex(["docs"]) { print(event) }
/// let session = try await workspace.makeSession()
/// for try await event in session.ask("How are citations checked?") {
///   if case .text(let piece) = event { print(piece, terminator: "") }
/// }
/// ```
///
/// Opening one is free: models and index are opened when they are first needed. Safe to share
/// between tasks; two processes may use the same folders.
public final class Workspace: Sendable {
  public let settings: WorkspaceSettings
  let host: ModelHost
  /// Opened when a session is kept or read.
  let sessionStore = Mutex<SessionStore?>(nil)
  /// What models have read before; nil where nothing of it is kept.
  let snapshots: SnapshotStore?

  public convenience init(_ settings: WorkspaceSettings) {
    self.init(settings, host: ModelHost(settings))
  }

  /// A workspace with other settings that shares what another one has loaded.
  init(_ settings: WorkspaceSettings, host: ModelHost) {
    self.settings = settings
    self.host = host
    snapshots = settings.cache.map { SnapshotStore(folder: $0 + "/timelines") }
  }

  // MARK: Index

  /// Adds files and folders and brings them up to date. Unchanged files are not read again.
  /// Dropping the stream stops within a second; what is done stays done.
  public func addToIndex(_ paths: [String]) -> AsyncThrowingStream<IndexingEvent, any Error> {
    indexing { index, embedder in index.add(paths, embedder: embedder) }
  }

  /// Brings every indexed folder up to date with the disk.
  public func refreshIndex() -> AsyncThrowingStream<IndexingEvent, any Error> {
    indexing { index, embedder in index.refresh(embedder: embedder) }
  }

  /// Indexes every folder anew, with the embedder that is installed now. A damaged database is replaced.
  public func rebuildIndex() -> AsyncThrowingStream<IndexingEvent, any Error> {
    let folder = settings.index
    return indexing(before: { try DocumentIndex.replaceIfDamaged(folder: folder) }) {
      $0.rebuild(embedder: $1)
    }
  }

  /// Removes files and folders from the index; nothing on the disk is touched.
  /// - Returns: how many files left the index.
  public func removeFromIndex(_ paths: [String]) async throws -> Int {
    try openIndex(readOnly: false).remove(paths)
  }

  /// - Parameter checkingDisk: also count files that changed since they were indexed.
  public func indexReport(checkingDisk: Bool = true) async throws -> IndexReport {
    IndexReport(try openIndex(readOnly: true).status(checkingDisk: checkingDisk))
  }

  /// Sentences about what does not agree inside the index; empty when everything does.
  public func verifyIndex() async throws -> [String] {
    try openIndex(readOnly: true).verify()
  }

  // MARK: Search

  /// The passages that best answer `query`, best first. The query is plain text, never syntax.
  public func search(
    _ query: String, limit: Int = 8, sides: SearchSides = .hybrid, scope: SearchScope = .all
  ) async throws -> SearchReport {
    try await search(query, limit: limit, sides: sides, scope: scope, after: nil)
  }

  /// As `search`, for a query that leans on what was asked before.
  package func search(
    _ query: String, limit: Int, sides: SearchSides, scope: SearchScope,
    after background: String?
  ) async throws -> SearchReport {
    let started = ContinuousClock.now
    let embedder = sides == .lexical ? nil : try await host.embedder()
    let service = try SearchService(index: openIndex(readOnly: true), embedder: embedder)
    let result = try await service.find(
      query, limit: limit, mode: sides.mode, filter: scope.filter, after: background)
    return SearchReport(
      query: query, scope: scope, result, seconds: started.duration(to: .now) / .seconds(1))
  }

  /// One vector of length 1 for each text, by the installed embedding model.
  public func embed(_ texts: [String]) async throws -> [[Float]] {
    guard let embedder = try await host.embedder() else { throw CarrelError.noEmbedder(settings) }
    let flat = try await embedder.embed(texts)
    let width = embedder.identity.dimension
    return texts.indices.map { Array(flat[$0 * width..<($0 + 1) * width]) }
  }

  // MARK: Answers

  /// A conversation with the model asked for here or in the settings; without one, each question goes
  /// to the model the router chooses among those that fit in memory.
  ///
  /// A small model is loaded at once, a large one with the first question that is its own.
  /// - Throws: `.notInstalled` when there is nothing to answer with, `.doesNotFit` with the arithmetic.
  public func makeSession(model: String? = nil) async throws -> GenerationSession {
    let table = try RoutingTable(settings, host)
    if let wanted = model ?? settings.model {
      if let endpoint = try? table.answerer(wanted, reason: nil), case .remote = endpoint {
        return GenerationSession(workspace: self, origin: endpoint, isRouted: false)
      }
      let (_, choice) = try await host.decoder(wanted)
      return GenerationSession(workspace: self, origin: .local(choice), isRouted: false)
    }
    guard table.isChoice, let large = table.router.large else {
      let (_, choice) = try await host.decoder(nil)
      return GenerationSession(workspace: self, origin: .local(choice), isRouted: true)
    }
    if let small = table.router.small, small.fits { _ = try? await host.decoder(small.id) }
    return GenerationSession(
      workspace: self, origin: try table.answerer(large.id, reason: nil), isRouted: true)
  }

  func samplerSettings(_ options: AskOptions) -> SamplerSettings {
    // Low temperature: answers from documents should say what the documents say. The light penalty
    // keeps small models from repeating one line for ever.
    SamplerSettings(
      temperature: options.temperature ?? settings.temperature ?? 0.2, topK: 40, topP: 0.95,
      minP: 0.05, repetitionPenalty: 1.1, repetitionWindow: 128,
      seed: options.seed ?? settings.seed ?? UInt64.random(in: .min ... .max))
  }

  func openIndex(readOnly: Bool) throws -> DocumentIndex {
    try DocumentIndex.open(
      folder: settings.index, readOnly: readOnly, threads: settings.threads)
  }

  private func indexing(
    before: @escaping @Sendable () throws -> Void = {},
    _ start:
      @escaping @Sendable (DocumentIndex, (any Embedder)?)
      -> AsyncThrowingStream<Retrieval.IndexEvent, any Error>
  ) -> AsyncThrowingStream<IndexingEvent, any Error> {
    AsyncThrowingStream { continuation in
      let task = Task {
        do {
          let embedder = try await self.host.embedder()
          try Task.checkCancellation()
          try before()
          for try await event in start(try self.openIndex(readOnly: false), embedder) {
            continuation.yield(IndexingEvent(event))
          }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }
}

extension CarrelError {
  static func noEmbedder(_ settings: WorkspaceSettings) -> CarrelError {
    CarrelError(
      .notInstalled,
      "No embedding model is installed in \(settings.models). `make models` fetches "
        + "all-MiniLM-L6-v2 there; searching with --mode lexical works without one.")
  }
}
