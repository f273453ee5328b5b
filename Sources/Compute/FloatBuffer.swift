// Memory for activations.

/// `count` floats, zeroed, 64-byte aligned, freed with the object.
///
/// Not synchronised: whoever writes sees to it that nobody else reads.
package final class FloatBuffer: @unchecked Sendable {
  package let count: Int
  package let pointer: UnsafeMutablePointer<Float>

  package init(count: Int) {
    self.count = count
    let bytes = max(count, 1) * MemoryLayout<Float>.stride
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    pointer = raw.bindMemory(to: Float.self, capacity: max(count, 1))
    pointer.initialize(repeating: 0, count: max(count, 1))
  }

  deinit { UnsafeMutableRawPointer(pointer).deallocate() }

  package var buffer: UnsafeMutableBufferPointer<Float> { .init(start: pointer, count: count) }
}
