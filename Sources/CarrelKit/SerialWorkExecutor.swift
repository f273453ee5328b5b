import Dispatch

/// Runs an actor's jobs one after another on a queue of its own, so that minutes of arithmetic never
/// occupy a thread of the shared pool that the reader of the terminal or of a pipe needs.
final class SerialWorkExecutor: SerialExecutor {
  private let queue: DispatchQueue

  init(label: String) {
    queue = DispatchQueue(label: label, qos: .userInitiated)
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedSerialExecutor()
    queue.async { job.runSynchronously(on: executor) }
  }
}
