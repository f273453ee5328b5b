import Retrieval

/// What watching the indexed folders reports. It goes on until the stream is dropped.
public enum WatchingEvent: Sendable {
  /// The index is up to date and so many folders are watched; `refused` more are only looked at now
  /// and then, because the system has no more watches to give.
  case waiting(folders: Int, refused: Int)
  /// Another process changes the index; it is tried again.
  case busy
  case indexing(IndexingEvent)
}

/// What a quick refresh did.
public enum Freshness: Sendable, Equatable {
  /// The index is what the disk holds.
  case current
  /// So many files were read again, or left the index.
  case refreshed(IndexingSummary)
  /// More changed than is read in passing.
  case stale(files: Int)
}

extension Workspace {
  /// Brings the index up to date, then again whenever a file below its folders changes.
  public func watchIndex() -> AsyncThrowingStream<WatchingEvent, any Error> {
    AsyncThrowingStream { continuation in
      let task = Task {
        do {
          // A folder that was never indexed should say so rather than be watched.
          _ = try self.openIndex(readOnly: true)
          let embedder = try await self.host.embedder()
          let index = try self.openIndex(readOnly: false)
          for try await event in index.watch(embedder: embedder) {
            continuation.yield(WatchingEvent(event))
          }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  /// Reads again what changed when that is little, as at the beginning of a conversation.
  /// - Parameter most: changed files that are read; with more it only counts them.
  public func freshenIndex(most: Int = 100) async throws -> Freshness {
    let changed: Int
    do {
      changed = try openIndex(readOnly: true).status(checkingDisk: true).stale ?? 0
    } catch let error as RetrievalError {
      guard error.code == .noIndex else { throw error }
      return .current
    }
    if changed == 0 { return .current }
    if changed > most { return .stale(files: changed) }
    var summary: IndexingSummary?
    do {
      for try await event in refreshIndex() {
        if case .finished(let found) = event { summary = found }
      }
    } catch let error as RetrievalError {
      // Whoever changes the index sees to it.
      guard error.code == .locked else { throw error }
      return .current
    }
    guard let summary, summary.added + summary.updated + summary.removed > 0 else {
      return .current
    }
    return .refreshed(summary)
  }
}

extension WatchingEvent {
  init(_ event: Retrieval.WatchEvent) {
    switch event {
    case .waiting(let folders, let refused): self = .waiting(folders: folders, refused: refused)
    case .busy: self = .busy
    case .indexing(let event): self = .indexing(IndexingEvent(event))
    }
  }
}
