// Activations made ready once for several products.

import CKernels

/// How finely the fast kernels see activations. Weights are read and unpacked once whatever it is.
package enum ActivationPrecision: Sendable {
  /// 8 bits, with a scale for each 32.
  case int8
  /// 16 bits for the blocks of 32 whose scale is above the root mean square of the token's scales, 8 bits
  /// for the others: most of the error of 8 bits is in the few blocks with values far larger than the
  /// rest (`ck_trim_q16`).
  case mixed
  /// 16 bits: twice the products.
  case int16

  /// Bytes kept of each.
  package var planes: Int { self == .int8 ? 1 : 2 }
}

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
  package private(set) var precision = ActivationPrecision.int8
  /// Bytes of an activation in the blocks: 1, or 2 for ck_q16_block.
  var planes: Int { precision.planes }
  /// [tokens][blocksPerToken], or nil in the exact engine.
  private var memory: UnsafeMutableRawPointer?
  private var capacity = 0
  /// Owns `memory` when it is large.
  private var pages: PageMemory?

  package init() {}

  deinit { free() }

  /// Frees its memory; it holds no activations then.
  package func giveBack() {
    free()
    capacity = 0
    tokens = 0
  }

  private func free() {
    if pages == nil { memory?.deallocate() }
    pages = nil
    memory = nil
  }

  private static let block = Int(CK_BLOCK)

  /// Bytes of the int8 blocks of so many activations.
  package static func byteCount(
    tokens: Int, columns: Int, precision: ActivationPrecision
  ) -> Int {
    tokens * ((columns + block - 1) / block)
      * (precision.planes == 2
        ? MemoryLayout<ck_q16_block>.stride : MemoryLayout<ck_q8_block>.stride)
  }

  var blocksPerToken: Int { (columns + Self.block - 1) / Self.block }

  private var blockBytes: Int {
    planes == 2 ? MemoryLayout<ck_q16_block>.stride : MemoryLayout<ck_q8_block>.stride
  }

  /// Points at new activations, with room for their blocks when `quantized`.
  func reset(
    _ x: UnsafePointer<Float>?, tokens: Int, columns: Int, precision: ActivationPrecision,
    quantized: Bool
  ) {
    self.tokens = tokens
    self.columns = columns
    self.precision = precision
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
  package func rounded(token: Int) -> [Float] {
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
      blocksPerToken: blocksPerToken, precision: precision, functions: functions)
  }
}

/// Rounds activations into the blocks of a `PreparedInput`, from any thread: nothing in it has references
/// to count.
struct BlockWriter {
  fileprivate let memory: UnsafeMutableRawPointer
  fileprivate let tokenBytes: Int
  fileprivate let blockBytes: Int
  fileprivate let blocksPerToken: Int
  fileprivate let precision: ActivationPrecision
  fileprivate let functions: UnsafePointer<ck_kernels>

  /// - Parameters:
  ///   - x: [columns]
  ///   - columns: of the token; they begin at a multiple of 32 and end at one or at the last.
  func write(_ x: UnsafePointer<Float>, token: Int, columns: Range<Int>) {
    let blocks =
      memory + token * tokenBytes + columns.lowerBound / Int(CK_BLOCK) * blockBytes
    if precision.planes == 2 {
      functions.pointee.quantize_q16(
        x, columns.count, blocks.assumingMemoryBound(to: ck_q16_block.self))
    } else {
      functions.pointee.quantize_q8(
        x, columns.count, blocks.assumingMemoryBound(to: ck_q8_block.self))
    }
  }
  /// Whether `finish` has something to do.
  var hasToFinish: Bool { precision == .mixed }

  /// All columns of a token have been written.
  func finish(token: Int) {
    guard hasToFinish else { return }
    ck_trim_q16(
      (memory + token * tokenBytes).assumingMemoryBound(to: ck_q16_block.self), blocksPerToken)
  }
}
