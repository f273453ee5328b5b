import Dispatch

/// Where protocol messages are taken in and answered: a serial queue of its own, on which nothing
/// waits. However busy the shared pool is with indexing or searching, a cancellation is heard.
@globalActor package actor ControlActor {
  package static let shared = ControlActor()

  private let executor = ControlExecutor()

  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  /// Runs `body` on the actor after a while, without a thread of the shared pool.
  package nonisolated static func after(
    milliseconds: Int, _ body: @escaping @ControlActor @Sendable () -> Void
  ) {
    shared.executor.queue.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) {
      Task { @ControlActor in body() }
    }
  }
}

private final class ControlExecutor: SerialExecutor {
  let queue = DispatchQueue(label: "carrel.protocols", qos: .userInitiated)

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedSerialExecutor()
    queue.async { job.runSynchronously(on: executor) }
  }
}
