import Dispatch
import Storage
import Synchronization

/// Reads stretches of a model's files into memory on a thread of its own, after the model is ready:
/// whoever asks first waits only for the pages that are not there yet. Dropping it stops the reading.
final class WarmUp: Sendable {
  /// What the thread and those who wait share.
  private final class Work: Sendable {
    struct State {
      var isDone = false
      var waiting: [CheckedContinuation<Void, Never>] = []
    }
    let state = Mutex(State())
    let stopped = StopFlag()

    func run(_ first: () -> Void, _ stretches: [Stretch], _ then: () -> Void) {
      first()
      for (file, range) in stretches {
        guard file.readAhead(in: range, { _ in !stopped.isRaised }) else { break }
      }
      then()
      let waiting = state.withLock { state in
        state.isDone = true
        defer { state.waiting = [] }
        return state.waiting
      }
      for continuation in waiting { continuation.resume() }
    }
  }

  typealias Stretch = (file: MappedFile, range: Range<Int>)

  private let work = Work()

  /// Begins at once.
  ///
  /// - Parameters:
  ///   - first: called on its thread.
  ///   - then: the same, when the reading ends.
  init(
    first: @escaping @Sendable () -> Void = {}, _ stretches: [Stretch],
    then: @escaping @Sendable () -> Void
  ) {
    DispatchQueue.global(qos: .utility).async { [work] in work.run(first, stretches, then) }
  }

  deinit { work.stopped.raise() }

  /// Returns when everything is read, or the reading was stopped.
  func wait() async {
    await withCheckedContinuation { continuation in
      let isDone = work.state.withLock { state in
        if !state.isDone { state.waiting.append(continuation) }
        return state.isDone
      }
      if isDone { continuation.resume() }
    }
  }
}
