import Compute
import Foundation
import Synchronization
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite("The worker pool")
struct WorkerPoolTests {
  @Test("Runs every chunk exactly once", arguments: [1, 2, 3, 8, 32])
  func everyChunkOnce(threads: Int) {
    let pool = WorkerPool(threads: threads)
    for chunks in [0, 1, 2, 3, 7, 64, 1000] {
      let counts = (0..<max(1, chunks)).map { _ in Counter() }
      pool.run(chunks: chunks) { counts[$0].increment() }
      #expect(counts.allSatisfy { $0.value == (chunks == 0 ? 0 : 1) })
    }
  }

  @Test("Tells the body a thread number that no other thread has at that time")
  func threadNumbers() {
    let pool = WorkerPool(threads: 4)
    let busy = (0..<4).map { _ in Counter() }
    let clashes = Counter()
    pool.run(chunks: 2000) { _, thread in
      if busy[thread].increment() != 0 { clashes.increment() }
      busy[thread].decrement()
    }
    #expect(clashes.value == 0)
  }

  @Test("Survives a hundred thousand tiny jobs")
  func tinyJobs() {
    let pool = WorkerPool(threads: 3)
    let total = Counter()
    for _ in 0..<100_000 { pool.run(chunks: 3) { _ in total.increment() } }
    #expect(total.value == 300_000)
  }

  @Test("Works after its threads went to sleep")
  func afterSleep() {
    let pool = WorkerPool(threads: 4)
    let total = Counter()
    for _ in 0..<20 {
      usleep(2000)
      pool.run(chunks: 50) { _ in total.increment() }
    }
    #expect(total.value == 1000)
  }

  @Test("A pool without work uses no processor time")
  func parks() {
    let pool = WorkerPool(threads: 4)
    pool.run(chunks: 100) { _ in }
    usleep(20_000)  // The threads look for more work for some tens of microseconds.
    let before = processorSeconds()
    usleep(200_000)
    #expect(processorSeconds() - before < 0.05)
  }

  /// Processor time of all threads of the process.
  private func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  @Test("Jobs from several threads wait for each other")
  func concurrentCallers() async {
    let pool = WorkerPool(threads: 2)
    let total = Counter()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for _ in 0..<200 { pool.run(chunks: 5) { _ in total.increment() } }
        }
      }
    }
    #expect(total.value == 4000)
  }

  @Test("Ends its threads with itself")
  func threadsEnd() {
    let before = threadCount()
    for _ in 0..<200 {
      let pool = WorkerPool(threads: 8)
      pool.run(chunks: 8) { _ in }
    }
    #expect(threadCount() < before + 100)
  }

  @Test("Refuses a job started from inside a chunk")
  func nested() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let pool = WorkerPool(threads: 2)
      pool.run(chunks: 2) { _ in pool.run(chunks: 2) { _ in } }
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("from inside a chunk of the same pool"))
  }

  @Test("Lets one pool's chunk start a job on another pool")
  func twoPools() {
    let outer = WorkerPool(threads: 2)
    let inner = WorkerPool(threads: 2)
    let total = Counter()
    outer.run(chunks: 4) { _ in inner.run(chunks: 4) { _ in total.increment() } }
    #expect(total.value == 16)
  }

  @Test("Chooses at least one thread and no more than the online processors")
  func defaultCount() {
    let count = WorkerPool.defaultThreadCount()
    #expect(count >= 1 && count <= Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  }

  @Test("Reads the CPU quota of its control group and of the groups above it")
  func quota() throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "quota-\(getpid())")
    defer { try? FileManager.default.removeItem(at: root) }
    func write(_ path: String, _ text: String) throws {
      let file = root.appending(path: path)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: file)
    }
    #expect(WorkerPool.quota(root: root.path) == nil)
    try write("proc/self/cgroup", "0::/a/b\n")
    #expect(WorkerPool.quota(root: root.path) == nil)
    try write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n")
    #expect(WorkerPool.quota(root: root.path) == nil)
    try write("sys/fs/cgroup/a/cpu.max", "250000 100000\n")
    #expect(WorkerPool.quota(root: root.path) == 2)
    try write("sys/fs/cgroup/a/b/cpu.max", "50000 100000\n")
    #expect(WorkerPool.quota(root: root.path) == 1)
    try write("proc/self/cgroup", "4:cpu,cpuacct:/old\n")
    try write("sys/fs/cgroup/cpu/old/cpu.cfs_quota_us", "300000\n")
    try write("sys/fs/cgroup/cpu/old/cpu.cfs_period_us", "100000\n")
    #expect(WorkerPool.quota(root: root.path) == 3)
  }

  /// Threads of this process.
  private func threadCount() -> Int {
    guard let directory = opendir("/proc/self/task") else { return 0 }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    return count
  }
}

private final class Counter: Sendable {
  private let atomic = Atomic<Int>(0)
  var value: Int { atomic.load(ordering: .sequentiallyConsistent) }
  /// Returns the value before.
  @discardableResult func increment() -> Int {
    atomic.add(1, ordering: .sequentiallyConsistent).oldValue
  }
  func decrement() { atomic.subtract(1, ordering: .sequentiallyConsistent) }
}
