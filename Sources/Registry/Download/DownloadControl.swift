// How other threads speak to a running download.

import Glibc
import Synchronization

/// Pauses, resumes or cancels one download. All calls take effect within a tenth of a second or so.
package final class DownloadControl: Sendable {
  private struct State {
    var isCancelled = false
    var isPaused = false
    var waker: TransferWaker?
  }
  private let state = Mutex(State())

  package init() {}

  /// Closes all connections; what is on disk stays, so that a later run goes on from there.
  package func cancel() { change { $0.isCancelled = true } }
  /// Closes all connections until ``resume()``.
  package func pause() { change { $0.isPaused = true } }
  package func resume() { change { $0.isPaused = false } }

  package var isCancelled: Bool { state.withLock { $0.isCancelled } }
  package var isPaused: Bool { state.withLock { $0.isPaused } }

  private func change(_ body: (inout State) -> Void) {
    state.withLock {
      body(&$0)
      $0.waker?.wake()
    }
  }

  /// Ends the loop's waiting, if there is a loop.
  func wake() { change { _ in } }

  /// While `body` runs, the loop behind `waker` is woken by every call.
  func whileWaking<T>(_ waker: TransferWaker, _ body: () throws -> T) rethrows -> T {
    state.withLock { $0.waker = waker }
    defer { state.withLock { $0.waker = nil } }
    return try body()
  }

  func checkCancelled() throws(HubError) {
    if isCancelled {
      throw HubError(
        .cancelled, "stopped; what is here is kept, and the next run goes on from it",
        subject: "download")
    }
  }

  /// Sleeps `seconds`, or until cancelled.
  func sleep(_ seconds: Double) throws(HubError) {
    let end = MonotonicClock.now + seconds
    while true {
      try checkCancelled()
      let left = end - MonotonicClock.now
      if left <= 0 { return }
      usleep(UInt32(min(left, 0.05) * 1e6) + 1)
    }
  }
}

enum MonotonicClock {
  /// Seconds since some fixed moment. Corresponds to `CLOCK_MONOTONIC`.
  static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
