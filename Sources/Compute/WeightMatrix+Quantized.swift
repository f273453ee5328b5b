// A smaller copy of float weights.

import CKernels
import Tensors

extension WeightMatrix {
  /// The same weights as q8_0 (8 bits and a scale for each 32), in memory of their own: a quarter of
  /// the bytes of f32, and the fast kernels multiply them as integers. Each weight moves by at most
  /// 1/254 of the largest in its block of 32 (and half a step of the scale, a half-precision number).
  ///
  /// Nil when they are quantised already or a row is no whole number of blocks.
  package func quantized(on pool: WorkerPool) -> WeightMatrix? {
    let target = ElementType.q8_0
    guard !isQuantized, columns % target.blockElements == 0 else { return nil }
    let rowBytes = columns / target.blockElements * target.blockBytes
    let all = experts * rows
    let memory = OwnedBytes(count: all * rowBytes)
    let rowsPerChunk = max(1, 16384 / columns)
    pool.run(chunks: (all + rowsPerChunk - 1) / rowsPerChunk) { chunk in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { floats in
        for row in chunk * rowsPerChunk..<min(all, (chunk + 1) * rowsPerChunk) {
          KernelTable.best.functions.pointee.dequantize_row(
            Int32(type.rawValue), pointer + row * self.rowBytes, columns, floats.baseAddress)
          ck_store_q8_0(floats.baseAddress, columns, memory.pointer + row * rowBytes)
        }
      }
    }
    return WeightMatrix(
      pointer: memory.pointer, rows: rows, columns: columns, experts: experts, type: target,
      owner: memory)
  }
}

/// Bytes that live as long as this object.
private final class OwnedBytes: @unchecked Sendable {
  let pointer: UnsafeMutableRawPointer

  init(count: Int) { pointer = .allocate(byteCount: max(1, count), alignment: 64) }

  deinit { pointer.deallocate() }
}
