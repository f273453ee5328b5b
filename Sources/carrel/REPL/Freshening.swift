import CarrelKit
import Synchronization
import Terminal

/// Brings the index up to date when a conversation begins: beside the prompt, not before it.
package final class Freshening: Sendable {
  /// Changed files that are read in passing; with more it only says so.
  private static let mostFiles = 100

  private enum State {
    case working
    case done(Freshness?)
    case told
  }

  private let state = Mutex(State.working)

  init(_ desk: any Desk) {
    Task.detached(priority: .utility) {
      let found = try? await desk.freshenIndex(most: Self.mostFiles)
      self.state.withLock { $0 = .done(found) }
    }
  }

  /// What came of it, once; nil while it is not known, and when there is nothing to say.
  func sentence() -> String? {
    state.withLock { state in
      guard case .done(let found) = state else { return nil }
      state = .told
      return found.flatMap { Self.sentence($0) }
    }
  }

  /// Waits until it is done, but not long: a question should not wait for what it may not need.
  func settle() async {
    for _ in 0..<40 {
      if state.withLock({ if case .working = $0 { false } else { true } }) { return }
      try? await Task.sleep(for: .milliseconds(50))
    }
  }

  package static func sentence(_ freshness: Freshness) -> String? {
    switch freshness {
    case .current: return nil
    case .stale(let files):
      return
        "\(Printing.files(files)) changed since \(files == 1 ? "it was" : "they were") indexed: "
        + "/index refresh reads \(files == 1 ? "it" : "them")."
    case .refreshed(let summary):
      var parts: [String] = []
      if summary.added > 0 { parts.append("\(Format.count(summary.added)) new") }
      if summary.updated > 0 { parts.append("\(Format.count(summary.updated)) changed") }
      if summary.removed > 0 { parts.append("\(Format.count(summary.removed)) gone") }
      return "The index was brought up to date: " + parts.joined(separator: ", ") + "."
    }
  }
}
