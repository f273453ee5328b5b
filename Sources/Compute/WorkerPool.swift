// The threads arithmetic runs on.
//
// A job is a count of chunks and a body. The chunks are dealt out as one contiguous run for each
// thread, so that a thread reads weights as one sequential stream; a thread whose run is used up
// takes from the others' runs. `left[t]` holds how many chunks of run t nobody has taken yet; a
// thread takes one by compare-and-swap, and only then reads what the job is: a job cannot end while
// one of its chunks is held, so what it reads is that job's. `unfinished` counts the chunks that no
// thread has said are done; the caller takes chunks too and then waits for it to reach zero.
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
    state = PoolState(threads: self.threads)
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
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: body) { context in
        run(chunks: chunks, context: context) { context, chunk, thread in
          callClosure(context, chunk: chunk, thread: thread)
        }
      }
    }
  }

  /// A job's work on one chunk: its context, the chunk, the thread.
  typealias Job = @convention(c) (_ context: UnsafeRawPointer, _ chunk: Int, _ thread: Int) -> Void

  /// As `run(chunks:_:)` for a function without captures. Calling a closure counts its references, and
  /// threads that do so for every small chunk of a job quarrel over one cache line.
  func run(chunks: Int, context: UnsafeRawPointer, job: Job) {
    let mark = UnsafeRawPointer(Unmanaged.passUnretained(state).toOpaque())
    if ck_thread_mark() == mark {
      // No input leads here, only a mistake in our own code, which would wait for itself for ever.
      fatalError("WorkerPool.run was called from inside a chunk of the same pool")
    }
    guard chunks > 0 else { return }
    precondition(chunks <= UInt32.max, "WorkerPool.run takes at most 2^32 - 1 chunks")
    let outer = ck_thread_mark()
    ck_set_thread_mark(mark)
    defer { ck_set_thread_mark(outer) }
    state.run(chunks: UInt32(chunks), context: context, job)
  }
}

/// Not inlined: no reference to the caller's closure may be held once the chunk counts as done.
@inline(never) private func callClosure(_ context: UnsafeRawPointer, chunk: Int, thread: Int) {
  context.assumingMemoryBound(to: ((Int, Int) -> Void).self).pointee(chunk, thread)
}

/// What the threads of one pool share.
private final class PoolState: Sendable {
  /// How long to look for work before sleeping, in nanoseconds.
  private static let spin: UInt32 = 40_000

  private let oneJobAtATime = Mutex<Void>(())
  private nonisolated(unsafe) var job: WorkerPool.Job?
  private nonisolated(unsafe) var context: UnsafeRawPointer?
  private nonisolated(unsafe) var chunks: UInt32 = 0
  private let threads: Int
  /// Words that threads sleep on and count with, each on its own cache line.
  private nonisolated(unsafe) let words: UnsafeMutablePointer<UInt32>
  private static let line = 16

  /// Chunks that no thread has said are done.
  private var unfinished: UnsafeMutablePointer<UInt32> { words }
  /// Changes with every job; workers sleep on it.
  private var epoch: UnsafeMutablePointer<UInt32> { words + Self.line }
  private var sleepers: UnsafeMutablePointer<UInt32> { words + 2 * Self.line }
  private var callerSleeps: UnsafeMutablePointer<UInt32> { words + 3 * Self.line }
  private var stopping: UnsafeMutablePointer<UInt32> { words + 4 * Self.line }
  /// Chunks of a thread's run that nobody has taken.
  private func left(_ run: Int) -> UnsafeMutablePointer<UInt32> { words + (5 + run) * Self.line }

  init(threads: Int) {
    self.threads = threads
    let count = (5 + threads) * Self.line
    words = UnsafeMutableRawPointer.allocate(byteCount: count * 4, alignment: 64)
      .bindMemory(to: UInt32.self, capacity: count)
    words.initialize(repeating: 0, count: count)
  }

  deinit { UnsafeMutableRawPointer(words).deallocate() }

  /// The end of run `run` of the current job; run 0 begins at 0, each other where the last one ends.
  private func end(_ run: Int) -> Int { Int(chunks) * (run + 1) / threads }

  func run(chunks: UInt32, context: UnsafeRawPointer, _ job: WorkerPool.Job) {
    oneJobAtATime.withLock { _ in
      if chunks == 1 || threads == 1 {
        for chunk in 0..<Int(chunks) { job(context, chunk, 0) }
        return
      }
      self.job = job
      self.context = context
      self.chunks = chunks
      // A thread that takes a chunk has seen the word `left` of its run, and so what was written before.
      ck_atomic_release(unfinished, chunks)
      var start = 0
      for run in 0..<threads {
        let end = end(run)
        ck_atomic_release(left(run), UInt32(end - start))
        start = end
      }
      _ = ck_atomic_add(epoch, 1)
      if ck_atomic_load(sleepers) > 0 { ck_futex_wake(epoch, chunks - 1) }
      takeChunks(thread: 0)
      waitForTheOthers()
      self.job = nil
    }
  }

  /// Takes and runs chunks until there is none left, of its own run first. They count as done together
  /// at the end: one write to the word that all threads share, instead of one for every chunk.
  private func takeChunks(thread: Int) {
    var done: UInt32 = 0
    var run = thread
    while true {
      let taken = ck_atomic_take_one(left(run))
      if taken > 0 {
        job!(context!, end(run) - Int(taken), thread)
        done += 1
        continue
      }
      run = run + 1 == threads ? 0 : run + 1
      if run == thread { break }
    }
    guard done > 0 else { return }
    if ck_atomic_add(unfinished, 0 &- done) == done, ck_atomic_load(callerSleeps) == 1 {
      ck_futex_wake(unfinished, 1)
    }
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
      takeChunks(thread: thread)
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
