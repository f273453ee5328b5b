// The threads arithmetic runs on.
//
// A job is a count of chunks and a body. `remaining` holds how many chunks nobody has taken yet; a
// thread takes one by compare-and-swap, and only then reads what the job is: a job cannot end while
// one of its chunks is held, so what it reads is that job's. `unfinished` counts the chunks whose
// body has not returned; the caller takes chunks too and then waits for it to reach zero.
//
// Threads that find nothing to do spin for some tens of microseconds (the usual gap between two
// products of a forward pass) and then sleep on a futex. Nothing ever waits for a thread that holds
// no chunk, so a busy machine costs at most one chunk of delay.

import CKernels
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A fixed set of threads that share the chunks of one job at a time. The caller is one of them.
///
/// Jobs from different threads wait for each other. A job started from inside a chunk of the same
/// pool would wait for itself and is refused with a message (it is a programming error).
package final class WorkerPool: Sendable {
  /// Threads that work on a job, the caller included.
  package let threads: Int
  private let state: PoolState
  private let handles: [pthread_t]

  /// A pool of `threads` (at least one) threads; `threads - 1` are started.
  package init(threads: Int = WorkerPool.defaultThreadCount()) {
    self.threads = max(1, threads)
    state = PoolState()
    var handles: [pthread_t] = []
    for worker in 1..<max(2, self.threads) where self.threads > 1 {
      let start = Unmanaged.passRetained(WorkerStart(state: state, worker: worker))
      #if canImport(Darwin)
        var handle: pthread_t?
      #else
        var handle = pthread_t()
      #endif
      let status = pthread_create(&handle, nil, workerMain, start.toOpaque())
      #if canImport(Darwin)
        if status == 0, let handle { handles.append(handle) } else { start.release() }
      #else
        if status == 0 { handles.append(handle) } else { start.release() }
      #endif
    }
    self.handles = handles
  }

  deinit {
    state.stop()
    for handle in handles { pthread_join(handle, nil) }
  }

  /// Calls `body` once for each chunk 0..<chunks, on any thread, in any order; returns when all
  /// calls have returned.
  package func run(chunks: Int, _ body: (Int) -> Void) {
    run(chunks: chunks) { chunk, _ in body(chunk) }
  }

  /// As `run(chunks:_:)`; the body is also told which of the `threads` it runs on (the caller is
  /// number 0), so that it can use that thread's scratch memory.
  package func run(chunks: Int, _ body: (_ chunk: Int, _ thread: Int) -> Void) {
    let mark = UnsafeRawPointer(Unmanaged.passUnretained(state).toOpaque())
    if ck_thread_mark() == mark {
      fatalError("WorkerPool.run was called from inside a chunk of the same pool")
    }
    guard chunks > 0 else { return }
    precondition(chunks <= UInt32.max, "WorkerPool.run takes at most 2^32 - 1 chunks")
    let outer = ck_thread_mark()
    ck_set_thread_mark(mark)
    defer { ck_set_thread_mark(outer) }
    withoutActuallyEscaping(body) { body in
      state.run(chunks: UInt32(chunks), helpers: handles.count, body)
    }
  }
}

/// What the threads of one pool share.
private final class PoolState: Sendable {
  /// How long to look for work before sleeping, in nanoseconds.
  private static let spin: UInt32 = 40_000

  private let oneJobAtATime = Mutex<Void>(())
  private nonisolated(unsafe) var body: ((Int, Int) -> Void)?
  private nonisolated(unsafe) var chunks: UInt32 = 0
  /// Three words that threads sleep on and count with: each on its own cache line.
  private nonisolated(unsafe) let words: UnsafeMutablePointer<UInt32>

  /// Chunks not yet taken.
  private var remaining: UnsafeMutablePointer<UInt32> { words }
  /// Chunks whose body has not returned.
  private var unfinished: UnsafeMutablePointer<UInt32> { words + 16 }
  /// Changes with every job; workers sleep on it.
  private var epoch: UnsafeMutablePointer<UInt32> { words + 32 }
  private var sleepers: UnsafeMutablePointer<UInt32> { words + 48 }
  private var callerSleeps: UnsafeMutablePointer<UInt32> { words + 64 }
  private var stopping: UnsafeMutablePointer<UInt32> { words + 80 }

  init() {
    words = UnsafeMutableRawPointer.allocate(byteCount: 96 * 4, alignment: 64)
      .bindMemory(to: UInt32.self, capacity: 96)
    words.initialize(repeating: 0, count: 96)
  }

  deinit { UnsafeMutableRawPointer(words).deallocate() }

  func run(chunks: UInt32, helpers: Int, _ body: @escaping (Int, Int) -> Void) {
    oneJobAtATime.withLock { _ in
      if chunks == 1 || helpers == 0 {
        for chunk in 0..<Int(chunks) { body(chunk, 0) }
        return
      }
      self.body = body
      self.chunks = chunks
      ck_atomic_store(unfinished, chunks)
      ck_atomic_store(remaining, chunks)
      _ = ck_atomic_add(epoch, 1)
      if ck_atomic_load(sleepers) > 0 { ck_futex_wake(epoch, chunks - 1) }
      while takeChunk(thread: 0) {}
      waitForTheOthers()
      self.body = nil
    }
  }

  /// Takes and runs one chunk. False when there is none left.
  private func takeChunk(thread: Int) -> Bool {
    let left = ck_atomic_take_one(remaining)
    guard left > 0 else { return false }
    body!(Int(chunks - left), thread)
    if ck_atomic_add(unfinished, UInt32.max) == 1, ck_atomic_load(callerSleeps) == 1 {
      ck_futex_wake(unfinished, 1)
    }
    return true
  }

  private func waitForTheOthers() {
    while true {
      let left = ck_atomic_load(unfinished)
      if left == 0 { return }
      if ck_spin_while_equal(unfinished, left, Self.spin) == 1 { continue }
      ck_atomic_store(callerSleeps, 1)
      let now = ck_atomic_load(unfinished)
      if now != 0 { ck_futex_wait(unfinished, now) }
      ck_atomic_store(callerSleeps, 0)
    }
  }

  func work(thread: Int) {
    ck_set_thread_mark(UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque()))
    while true {
      let seen = ck_atomic_load(epoch)
      while takeChunk(thread: thread) {}
      if ck_atomic_load(stopping) == 1 { return }
      if ck_spin_while_equal(epoch, seen, Self.spin) == 1 { continue }
      _ = ck_atomic_add(sleepers, 1)
      ck_futex_wait(epoch, seen)
      _ = ck_atomic_add(sleepers, UInt32.max)
    }
  }

  func stop() {
    ck_atomic_store(stopping, 1)
    _ = ck_atomic_add(epoch, 1)
    ck_futex_wake(epoch, UInt32(Int32.max))
  }
}

private final class WorkerStart {
  let state: PoolState
  let worker: Int
  init(state: PoolState, worker: Int) {
    self.state = state
    self.worker = worker
  }
}

#if canImport(Darwin)
  private func workerMain(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    let start = Unmanaged<WorkerStart>.fromOpaque(argument).takeRetainedValue()
    start.state.work(thread: start.worker)
    return nil
  }
#else
  private func workerMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let start = Unmanaged<WorkerStart>.fromOpaque(argument).takeRetainedValue()
    start.state.work(thread: start.worker)
    return nil
  }
#endif
