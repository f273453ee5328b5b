import Glibc

/// What watching reports. It goes on until the stream is dropped.
package enum WatchEvent: Sendable {
  /// The index is up to date and so many folders are watched. `refused` more could not be: what
  /// changes there is found every `WatchTiming.rescan` seconds.
  case waiting(folders: Int, refused: Int)
  /// Another process changes the index; it is tried again.
  case busy
  case indexing(IndexEvent)
}

/// How long watching waits, in seconds.
package struct WatchTiming: Sendable {
  /// After the last change, so that a file being saved or a checkout is taken as a whole.
  package var quiet = 0.3
  /// After the first change at the latest, when there is no quiet.
  package var longest = 3.0
  /// Between scans where not every folder can be watched.
  package var rescan = 30.0
  /// Between looks at the queue.
  package var look = 0.1

  package init() {}
}

extension DocumentIndex {
  /// Brings the index up to date, then again whenever something below its roots changes.
  ///
  /// New folders are watched before they are scanned, so that nothing falls between. A refresh costs
  /// a scan of all roots; the next waits at least twice as long as the last took.
  package func watch(
    embedder: (any Embedder)?, options: IndexOptions = .init(), timing: WatchTiming = .init()
  ) -> AsyncThrowingStream<WatchEvent, any Error> {
    AsyncThrowingStream { continuation in
      let task = Task.detached {
        do {
          let watcher = try FolderWatcher()
          while true {
            // What happens from here on is for the next time.
            _ = watcher.changed()
            let began = Clock.seconds()
            try self.extend(watcher, options)
            try await self.refreshWatched(embedder, options, timing) { continuation.yield($0) }
            let took = Clock.seconds() - began
            continuation.yield(.waiting(folders: watcher.count, refused: watcher.refused))
            try await Self.waitForChange(watcher, timing)
            try await Self.sleep(max(0, took * 2 - timing.quiet))
          }
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  private func refreshWatched(
    _ embedder: (any Embedder)?, _ options: IndexOptions, _ timing: WatchTiming,
    send: @escaping @Sendable (WatchEvent) -> Void
  ) async throws {
    while true {
      do {
        for try await event in refresh(embedder: embedder, options: options) {
          send(.indexing(event))
        }
        try Task.checkCancellation()
        return
      } catch let error as RetrievalError {
        guard error.code == .locked, !isReadOnly else { throw error }
        send(.busy)
        try await Self.sleep(1)
      }
    }
  }

  /// Watches every folder below the roots that is not watched yet.
  private func extend(_ watcher: FolderWatcher, _ options: IndexOptions) throws {
    watcher.begin()
    for root in try status(checkingDisk: false).roots {
      var scanner = FolderScanner(options: own(options))
      // The index's own folder changes with every change of the index.
      scanner.onFolder = { folder in
        if folder != self.folder { watcher.add(folder: folder) }
      }
      scanner.onProgress = { _ in !Task.isCancelled }
      // What is not there is seen by its folder when it comes back, which it may do before that is watched.
      let files = scanner.scan(root)
      if files == nil || files?.first?.isExplicit == true { watcher.add(file: root) }
      if files == nil { _ = scanner.scan(root) }
      try Task.checkCancellation()
    }
  }

  private static func waitForChange(_ watcher: FolderWatcher, _ timing: WatchTiming) async throws {
    let start = Clock.seconds()
    while !watcher.changed() {
      if watcher.refused > 0, Clock.seconds() - start > timing.rescan { return }
      try await sleep(timing.look)
    }
    let first = Clock.seconds()
    var last = first
    while true {
      try await sleep(timing.look)
      let now = Clock.seconds()
      if watcher.changed() { last = now }
      if now - last >= timing.quiet || now - first >= timing.longest { return }
    }
  }

  private static func sleep(_ seconds: Double) async throws {
    try await Task.sleep(nanoseconds: UInt64(seconds * 1e9))
  }
}
