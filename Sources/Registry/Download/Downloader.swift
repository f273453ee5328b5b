// The door to the Hub: a reference becomes a plan, a plan becomes verified files.

import FoundationEssentials
import Storage

package struct Downloader: Sendable {
  package let settings: HubSettings

  package init(settings: HubSettings) {
    self.settings = settings
  }

  /// With the settings of this process's environment.
  package init() throws(HubError) {
    settings = try HubSettings(environment: ProcessInfo.processInfo.environment)
  }

  /// Finds the commit and the files, and refuses when the disk cannot hold them.
  ///
  /// Without a network by order (`HF_HUB_OFFLINE`) or by accident (no answer, 5xx), the cache answers
  /// if it holds a complete model under that name; the plan's `notice` says so. Throws ``HubError``.
  package func plan(_ reference: HubReference) async throws -> DownloadPlan {
    let control = DownloadControl()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        BackgroundWork.run {
          continuation.resume(with: Result { try plan(reference, control: control) })
        }
      }
    } onCancel: {
      control.cancel()
    }
  }

  /// Fetches what a plan lacks. The stream ends after `finished`, or throws ``HubError`` or
  /// ``StorageError``; dropping it cancels the work, and what is on disk stays for the next run.
  package func run(
    _ plan: DownloadPlan, control: DownloadControl = DownloadControl()
  ) -> AsyncThrowingStream<DownloadEvent, any Error> {
    stream(control) { emit in
      try DownloadRun(plan: plan, settings: settings, control: control, emit: emit).run()
    }
  }

  /// ``plan(_:)`` and ``run(_:control:)`` in one stream: `resolving`, `planned`, then the rest.
  package func fetch(
    _ reference: HubReference, control: DownloadControl = DownloadControl()
  ) -> AsyncThrowingStream<DownloadEvent, any Error> {
    stream(control) { emit in
      emit(.resolving(reference))
      let plan = try plan(reference, control: control)
      emit(.planned(plan))
      try DownloadRun(plan: plan, settings: settings, control: control, emit: emit).run()
    }
  }

  private func stream(
    _ control: DownloadControl,
    _ work: @escaping @Sendable (@escaping @Sendable (DownloadEvent) -> Void) throws -> Void
  ) -> AsyncThrowingStream<DownloadEvent, any Error> {
    AsyncThrowingStream { continuation in
      continuation.onTermination = { end in
        if case .cancelled = end { control.cancel() }
      }
      BackgroundWork.run {
        do {
          try work { continuation.yield($0) }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
    }
  }

  /// Whether all files of a plan still have their hashes; each that has not, with what is wrong.
  /// `progress` is told bytes read of all, and stops the work by returning false.
  package func verify(
    _ plan: DownloadPlan, progress: ((Int, Int) -> Bool)? = nil
  ) throws(StorageError) -> [HubError] {
    var problems: [HubError] = []
    var before = 0
    for file in plan.files {
      guard plan.layout.hasBlob(file) else {
        problems.append(
          HubError(.fileNotFound, "is not in the cache with its full size", subject: file.path))
        continue
      }
      let read = before
      let found = try file.mismatch(at: plan.layout.blob(file)) { done in
        progress?(read + done, plan.totalBytes) ?? true
      }
      if let found {
        problems.append(
          HubError(
            .corrupted,
            "its hash is \(found), expected \(file.hash.hex); remove it and fetch again",
            subject: file.path))
      }
      before += file.size
    }
    return problems
  }

  // MARK: planning, on the calling thread

  func plan(_ reference: HubReference, control: DownloadControl) throws -> DownloadPlan {
    if let variable = settings.offline {
      guard let plan = cachedPlan(reference, notice: "the network is switched off (\(variable))")
      else {
        throw HubError(
          .offline,
          "is not complete in the cache at \(settings.cache), and \(variable) forbids the network",
          subject: reference.description)
      }
      return plan
    }
    do {
      let client = HubClient(settings: settings, control: control)
      let commit = try client.commit(of: reference)
      let all = try client.files(repository: reference.repository, commit: commit)
      let chosen = try FileSelection.choose(from: all, for: reference)
      let plan = DownloadPlan(
        reference: reference, commit: commit, files: chosen, settings: settings)
      if let free = plan.layout.freeBytes() {
        try plan.checkSpace(free: free, margin: settings.diskMargin)
      }
      return plan
    } catch let error as HubError {
      guard error.isOutage,
        let plan = cachedPlan(reference, notice: "the Hub cannot be reached (\(error))")
      else { throw error }
      return plan
    }
  }

  /// The plan of what the cache holds under this name, if it is a complete choice.
  private func cachedPlan(_ reference: HubReference, notice: String) -> DownloadPlan? {
    let layout = CacheLayout(root: settings.cache, repository: reference.repository)
    guard let commit = layout.commit(for: reference.revision),
      let files = try? FileSelection.choose(from: layout.snapshotFiles(commit), for: reference),
      !files.isEmpty
    else { return nil }
    let plan = DownloadPlan(
      reference: reference, commit: commit, files: files, settings: settings, notice: notice)
    return plan.isComplete ? plan : nil
  }
}
