import FoundationEssentials

/// Where a model stands between the hub and an answer.
///
/// ```
/// notInstalled ⇄ downloading → installed → loading → ready → unloading → installed
///                    ↓                        ↓
///                  failed                   failed → loading
/// ```
public enum ModelState: Sendable, Equatable {
  case notInstalled
  /// Bytes of its files on the disk, of those wanted.
  case downloading(done: Int, total: Int)
  /// Its files are there; nothing of it is in memory.
  case installed
  case loading
  /// In memory; may still be reading its pages from the disk.
  case ready
  case unloading
  /// It could not be fetched or loaded; one sentence.
  case failed(String)

  /// One word, for lists and JSON.
  public var name: String {
    switch self {
    case .notInstalled: "notInstalled"
    case .downloading: "downloading"
    case .installed: "installed"
    case .loading: "loading"
    case .ready: "ready"
    case .unloading: "unloading"
    case .failed: "failed"
    }
  }

  /// Whether one step leads from here to `next`. A state may follow itself only where its figures
  /// change.
  package func mayBecome(_ next: ModelState) -> Bool {
    switch (self, next) {
    case (.notInstalled, .downloading), (.notInstalled, .installed), (.downloading, .downloading),
      (.downloading, .installed), (.downloading, .failed), (.downloading, .notInstalled),
      (.installed, .loading), (.installed, .downloading), (.installed, .notInstalled),
      (.loading, .ready), (.loading, .failed), (.ready, .unloading), (.unloading, .installed),
      (.failed, .loading), (.failed, .downloading), (.failed, .installed), (.failed, .notInstalled):
      true
    default: false
    }
  }
}

/// One step of one model, and why it was taken.
public struct ModelEvent: Sendable, Equatable {
  public let id: String
  public let from: ModelState
  public let to: ModelState
  /// A phrase: "asked for", "idle for 10 minutes", "memory is short: …".
  public let reason: String
  public let date: Date

  public init(id: String, from: ModelState, to: ModelState, reason: String, date: Date) {
    self.id = id
    self.from = from
    self.to = to
    self.reason = reason
    self.date = date
  }
}

/// One model as it is now.
public struct ModelStatus: Sendable, Equatable {
  public let id: String
  /// `generate` or `embed`.
  public let role: String
  public let state: ModelState
  /// Bytes the loaded model is charged with, by the gate's arithmetic: weights, cache, scratch,
  /// tokenizer. 0 while it is not loaded.
  public let bytes: Int
  /// Answers it is working on.
  public let uses: Int

  public init(id: String, role: String, state: ModelState, bytes: Int, uses: Int) {
    self.id = id
    self.role = role
    self.state = state
    self.bytes = bytes
    self.uses = uses
  }
}
