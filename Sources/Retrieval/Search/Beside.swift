import Glibc
import Synchronization

/// Work on a thread of its own, while the caller does something else. Where no thread is to be had, it is
/// done when its result is asked for.
final class Beside<Value: Sendable>: @unchecked Sendable {  // used by one thread
  private final class Found: Sendable {
    let value = Mutex<Result<Value, any Error>?>(nil)
  }

  private let found = Found()
  private let body: @Sendable () -> Void
  private var thread: pthread_t?

  init(_ work: @escaping @Sendable () throws -> Value) {
    let found = found
    body = {
      let result = Result { try work() }
      found.value.withLock { $0 = result }
    }
    thread = startThread(body)
  }

  deinit { join() }

  private func join() {
    if let thread { pthread_join(thread, nil) }
    thread = nil
  }

  /// Whether `result` would not wait for another thread.
  var isDone: Bool { thread == nil || found.value.withLock { $0 != nil } }

  /// Waits for the end of the work.
  func result() throws -> Value {
    join()
    if found.value.withLock({ $0 == nil }) { body() }
    guard let result = found.value.withLock({ $0 }) else { throw CancellationError() }
    return try result.get()
  }
}

private final class ThreadBody {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// nil when the system gives no thread.
private func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
  let lent = Unmanaged.passRetained(ThreadBody(body))
  var handle = pthread_t()
  let status = pthread_create(
    &handle, nil,
    { pointer in
      if let pointer { Unmanaged<ThreadBody>.fromOpaque(pointer).takeRetainedValue().body() }
      return nil
    }, lent.toOpaque())
  if status == 0 { return handle }
  lent.release()
  return nil
}
