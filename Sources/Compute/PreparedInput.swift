// Activations made ready once for several products.

import CKernels

/// Activations [tokens][columns], in the form the engine's kernels read: as they are, and for the
/// fast kernels also as blocks of int8 or int16.
///
/// The floats are not copied: they must stay unchanged until the last product that uses this. A gated
/// product that nothing reads as floats leaves none.
/// The memory is kept and reused by the next `Engine.prepare` into it. Not synchronised.
package final class PreparedInput {
  package private(set) var tokens = 0
  package private(set) var columns = 0
  private(set) var floats: UnsafePointer<Float>?
  /// Bytes of an activation in the blocks: 1, or 2 for ck_q16_block.
  private(set) var planes = 1
  /// [tokens][blocksPerToken], or nil in the exact engine.
  private var memory: UnsafeMutableRawPointer?
  private var capacity = 0
  /// Owns `memory` when it is large.
  private var pages: PageMemory?

  package init() {}

  deinit { free() }

  private func free() {
    if pages == nil { memory?.deallocate() }
    pages = nil
    memory = nil
  }

  private static let block = Int(CK_BLOCK)

  /// Bytes of the int8 blocks of so many activations.
  package static func byteCount(tokens: Int, columns: Int, planes: Int) -> Int {
    tokens * ((columns + block - 1) / block)
      * (planes == 2 ? MemoryLayout<ck_q16_block>.stride : MemoryLayout<ck_q8_block>.stride)
  }

  var blocksPerToken: Int { (columns + Self.block - 1) / Self.block }

  private var blockBytes: Int {
    planes == 2 ? MemoryLayout<ck_q16_block>.stride : MemoryLayout<ck_q8_block>.stride
  }

  /// Points at new activations, with room for their blocks when `quantized`.
  func reset(_ x: UnsafePointer<Float>?, tokens: Int, columns: Int, planes: Int, quantized: Bool) {
    self.tokens = tokens
    self.columns = columns
    self.planes = planes
    floats = x
    let bytes = tokens * blocksPerToken * blockBytes
    guard quantized, bytes > capacity else { return }
    free()
    capacity = bytes
    pages = bytes >= 65_536 ? PageMemory(byteCount: bytes) : nil
    memory = pages?.pointer ?? .allocate(byteCount: bytes, alignment: 64)
  }

  func blocks(ofToken token: Int) -> UnsafeRawPointer {
    UnsafeRawPointer(memory! + token * blocksPerToken * blockBytes)
  }

  /// One token's activations as the blocks of a fast engine hold them.
  func rounded(token: Int) -> [Float] {
    precondition(memory != nil && token >= 0 && token < tokens)
    var values: [Float] = []
    values.reserveCapacity(blocksPerToken * Self.block)
    for index in 0..<blocksPerToken {
      let block = blocks(ofToken: token) + index * blockBytes
      let high = block.assumingMemoryBound(to: ck_q8_block.self)
      let levels = block.assumingMemoryBound(to: Int8.self)
      let lows = levels + MemoryLayout<ck_q8_block>.stride
      for place in 0..<Self.block {
        let level = Int32(levels[place])
        values.append(
          high.pointee.d * Float(planes == 2 ? 256 * level + Int32(lows[place]) : level))
      }
    }
    return Array(values.prefix(columns))
  }

  /// What writes the blocks of a fast engine.
  func blockWriter(_ functions: UnsafePointer<ck_kernels>) -> BlockWriter? {
    guard let memory else { return nil }
    return BlockWriter(
      memory: memory, tokenBytes: blocksPerToken * blockBytes, blockBytes: blockBytes,
      planes: planes, functions: functions)
  }
}

/// Rounds activations into the blocks of a `PreparedInput`, from any thread: nothing in it has references
/// to count.
struct BlockWriter {
  fileprivate let memory: UnsafeMutableRawPointer
  fileprivate let tokenBytes: Int
  fileprivate let blockBytes: Int
  fileprivate let planes: Int
  fileprivate let functions: UnsafePointer<ck_kernels>

  /// - Parameters:
  ///   - x: [columns]
  ///   - columns: of the token; they begin at a multiple of 32 and end at one or at the last.
  func write(_ x: UnsafePointer<Float>, token: Int, columns: Range<Int>) {
    let blocks =
      memory + token * tokenBytes + columns.lowerBound / Int(CK_BLOCK) * blockBytes
    if planes == 2 {
      functions.pointee.quantize_q16(
        x, columns.count, blocks.assumingMemoryBound(to: ck_q16_block.self))
    } else {
      functions.pointee.quantize_q8(
        x, columns.count, blocks.assumingMemoryBound(to: ck_q8_block.self))
    }
  }
}
