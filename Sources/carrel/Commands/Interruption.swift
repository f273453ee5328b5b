import CarrelKit
import Synchronization
import Terminal

/// Runs work that Control-C stops. The task is cancelled at once; the caller goes on when the work
/// ends, at the latest after `grace`, so that the prompt is back within 100 ms whatever the work does.
package enum Interruption {
  /// How long cancelled work may take to end by itself.
  package static let grace = Duration.milliseconds(80)

  package static func run<Value: Sendable>(
    grace: Duration = grace, _ work: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let box = Box<Value>()
    // Not before Control-C is listened to: one that waits for this work would come too late.
    let ready = Box<Void>()
    let task = Task.detached {
      do {
        try await withCheckedThrowingContinuation { ready.wait($0) }
        try Task.checkCancellation()
        let value = try await work()
        // Work that ended well all the same was not wanted any more.
        try Task.checkCancellation()
        box.finish(.success(value))
      } catch { box.finish(.failure(error)) }
    }
    SignalMonitor.shared.onInterrupt {
      task.cancel()
      Task.detached {
        try? await Task.sleep(for: grace)
        box.finish(.failure(CancellationError()))
      }
    }
    defer { SignalMonitor.shared.onInterrupt(nil) }
    ready.finish(.success(()))
    return try await withCheckedThrowingContinuation { box.wait($0) }
  }

  /// Runs work that looks at a flag; it ends by itself soon after the flag is raised and what it
  /// returns is kept. A second Control-C ends the program.
  package static func flagging<Value>(
    _ stop: StopFlag, isolation: isolated (any Actor)? = #isolation,
    _ work: () async throws -> Value
  ) async rethrows -> Value {
    SignalMonitor.shared.onInterrupt {
      stop.raise()
      SignalMonitor.shared.onInterrupt(nil)
    }
    defer { SignalMonitor.shared.onInterrupt(nil) }
    return try await work()
  }

  /// A result that is given once and taken once, in either order.
  private final class Box<Value: Sendable>: Sendable {
    private struct State {
      var result: Result<Value, any Error>?
      var continuation: CheckedContinuation<Value, any Error>?
      var isDone = false
    }
    private let state = Mutex(State())

    func finish(_ result: Result<Value, any Error>) {
      let waiting = state.withLock { state -> CheckedContinuation<Value, any Error>? in
        guard !state.isDone, state.result == nil else { return nil }
        guard let continuation = state.continuation else {
          state.result = result
          return nil
        }
        state.isDone = true
        state.continuation = nil
        return continuation
      }
      waiting?.resume(with: result)
    }

    func wait(_ continuation: CheckedContinuation<Value, any Error>) {
      let result = state.withLock { state -> Result<Value, any Error>? in
        if let result = state.result {
          state.isDone = true
          return result
        }
        state.continuation = continuation
        return nil
      }
      if let result { continuation.resume(with: result) }
    }
  }
}
