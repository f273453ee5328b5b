/// Working memory of one owner: 64-byte aligned float buffers, not zeroed, freed together. Large ones
/// take pages from the system only when first written.
final class Arena {
  private var blocks: [UnsafeMutableRawPointer] = []
  private(set) var byteCount = 0

  func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
    let bytes = (max(1, count) * MemoryLayout<Float>.stride + 63) / 64 * 64
    let block = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    blocks.append(block)
    byteCount += bytes
    return block.bindMemory(to: Float.self, capacity: bytes / MemoryLayout<Float>.stride)
  }

  deinit { for block in blocks { block.deallocate() } }
}
