// The door to the kernels: which table, which threads, which scratch memory.

import CKernels
import Tensors

/// Which arithmetic quantised weights get.
package enum KernelChoice: Sendable {
  /// Activations rounded to int8 in blocks of 32; exact integer dot products.
  case fast
  /// Weights as floats, activations as they are: the reference path.
  case exact
}

/// Runs matrix products on a worker pool.
///
/// Every value it computes is the work of one thread in one fixed order that depends only on the
/// weights, that token's activations and the kernel choice: never on the thread count, the number of
/// tokens given at once, or the CPU.
package final class Engine: Sendable {
  package let pool: WorkerPool
  package let kernels: KernelChoice
  let table: KernelTable
  /// One for each thread of the pool; used only by that thread while a job runs.
  nonisolated(unsafe) let scratch: UnsafeMutablePointer<ThreadScratch>

  package convenience init(pool: WorkerPool, kernels: KernelChoice = .fast) {
    self.init(pool: pool, kernels: kernels, table: .best)
  }

  /// An engine with a given kernel table, for tests and measurements.
  package init(pool: WorkerPool, kernels: KernelChoice, table: KernelTable) {
    self.pool = pool
    self.kernels = kernels
    self.table = table
    scratch = .allocate(capacity: pool.threads)
    scratch.initialize(repeating: ThreadScratch(), count: pool.threads)
  }

  deinit {
    for thread in 0..<pool.threads { scratch[thread].free() }
    scratch.deallocate()
  }
}

/// Memory of one thread, kept between jobs.
struct ThreadScratch {
  private var memory: UnsafeMutableRawPointer?
  private var bytes = 0

  mutating func pointer(bytes wanted: Int) -> UnsafeMutableRawPointer {
    if let memory, bytes >= wanted { return memory }
    free()
    let fresh = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 64)
    memory = fresh
    bytes = wanted
    return fresh
  }

  func free() { memory?.deallocate() }
}
