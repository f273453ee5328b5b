import CKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Zeroed memory straight from the system: pages count only once they are written, and all go back
/// when the object does. (What an allocator keeps of large buffers that were freed can be as much as
/// a small model's whole working memory.)
package final class PageMemory: @unchecked Sendable {
  package let pointer: UnsafeMutableRawPointer
  package let byteCount: Int

  /// - Parameter hugePages: for memory that is read from end to end again and again: where the system has
  ///   them on request, they are read faster.
  /// - Returns: `nil` when the system gives no address space.
  package init?(byteCount: Int, hugePages: Bool = false) {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let memory = mmap(nil, max(1, byteCount), PROT_READ | PROT_WRITE, Int32(flags), -1, 0),
      memory != MAP_FAILED
    else { return nil }
    if hugePages { madvise(memory, byteCount, 14) }  // MADV_HUGEPAGE; a refusal changes nothing
    pointer = memory
    self.byteCount = byteCount
  }

  /// Gives all pages back to the system for now: what is read of them next is zero.
  package func giveBack() { madvise(pointer, byteCount, MADV_DONTNEED) }

  /// Gives back what an allocator keeps of memory that was freed, all over the process.
  package static func releaseFreed() { ck_release_free_memory() }

  deinit { munmap(pointer, max(1, byteCount)) }
}
