import Compute

/// Working memory of one owner: 64-byte aligned float buffers, not to be relied on to be zero, freed
/// together. Large ones take pages from the system only when first written, and give them back.
final class Arena {
  private var blocks: [UnsafeMutableRawPointer] = []
  private var pages: [PageMemory] = []
  private(set) var byteCount = 0

  func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
    let bytes = (max(1, count) * MemoryLayout<Float>.stride + 63) / 64 * 64
    byteCount += bytes
    let block: UnsafeMutableRawPointer
    if bytes >= 65_536, let large = PageMemory(byteCount: bytes) {
      pages.append(large)
      block = large.pointer
    } else {
      block = .allocate(byteCount: bytes, alignment: 64)
      blocks.append(block)
    }
    return block.bindMemory(to: Float.self, capacity: bytes / MemoryLayout<Float>.stride)
  }

  /// Gives the pages of large buffers back for now; what they held is lost.
  func giveBack() {
    for part in pages { part.giveBack() }
  }

  deinit { for block in blocks { block.deallocate() } }
}
