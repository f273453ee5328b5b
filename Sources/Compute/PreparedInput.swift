// Activations made ready once for several products.

import CKernels

/// Activations [tokens][columns], in the form the engine's kernels read: as they are, and for the
/// fast kernels also as int8 blocks.
///
/// The floats are not copied: they must stay unchanged until the last product that uses this.
/// The memory is kept and reused by the next `Engine.prepare` into it. Not synchronised.
package final class PreparedInput {
  package private(set) var tokens = 0
  package private(set) var columns = 0
  private(set) var floats: UnsafePointer<Float>?
  /// [planes][tokens][blocksPerToken], or nil in the exact engine.
  private(set) var blocks: UnsafeMutablePointer<ck_q8_block>?
  /// 1, or 2: a second set of blocks after the first holds what rounding left over.
  private(set) var planes = 1
  private var capacity = 0

  package init() {}

  deinit { blocks.map { UnsafeMutableRawPointer($0).deallocate() } }

  private static let block = Int(CK_BLOCK)

  var blocksPerToken: Int { (columns + Self.block - 1) / Self.block }

  /// Points at new activations, with room for their blocks when `quantized`.
  func reset(_ x: UnsafePointer<Float>, tokens: Int, columns: Int, planes: Int, quantized: Bool) {
    self.tokens = tokens
    self.columns = columns
    self.planes = planes
    floats = x
    guard quantized, planes * tokens * blocksPerToken > capacity else { return }
    blocks.map { UnsafeMutableRawPointer($0).deallocate() }
    capacity = planes * tokens * blocksPerToken
    blocks = UnsafeMutableRawPointer.allocate(
      byteCount: capacity * MemoryLayout<ck_q8_block>.stride, alignment: 64
    ).bindMemory(to: ck_q8_block.self, capacity: capacity)
  }
}
