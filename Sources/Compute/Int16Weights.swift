// A copy of float weights as 16-bit integers.

import CKernels
import Tensors

/// Weights as 16-bit levels in panels of 32 rows (ck_int16.h): half the bytes of f32, and exact integer
/// dot products at twice the rate of float ones. A product is off by less than a thousandth of its
/// typical size.
///
/// Immutable, in memory of its own.
package final class Int16Weights: @unchecked Sendable {
  package let rows: Int
  package let columns: Int
  /// [panel][stride / 2][32 rows][2 columns]
  private let levels: UnsafeMutablePointer<Int16>
  /// [panel][section][32]
  private let scales: UnsafeMutablePointer<Float>
  package let byteCount: Int

  /// The rows of all `parts`, which have the same number of columns, one matrix below the other.
  package init(_ parts: [WeightMatrix], on pool: WorkerPool) {
    let columns = parts.first?.columns ?? 0
    let rows = parts.reduce(0) { $0 + $1.rows }
    precondition(parts.allSatisfy { $0.columns == columns && $0.experts == 1 })
    self.rows = rows
    self.columns = columns
    let height = Int(CK_I16_ROWS)
    let panels = (rows + height - 1) / height
    let panelLevels = height * ck_i16_stride(columns)
    let panelScales = height * ck_i16_sections(columns)
    let levels = UnsafeMutableRawPointer.allocate(
      byteCount: max(1, panels * panelLevels * MemoryLayout<Int16>.stride), alignment: 64
    ).bindMemory(to: Int16.self, capacity: panels * panelLevels)
    let scales = UnsafeMutableRawPointer.allocate(
      byteCount: max(1, panels * panelScales * MemoryLayout<Float>.stride), alignment: 64
    ).bindMemory(to: Float.self, capacity: panels * panelScales)
    self.levels = levels
    self.scales = scales
    byteCount = Self.byteCount(rows: rows, columns: columns)
    pool.run(chunks: panels) { panel in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: height * columns) { floats in
        guard let base = floats.baseAddress else { return }
        let first = panel * height
        let count = min(height, rows - first)
        for row in 0..<count { Self.read(parts, row: first + row, into: base + row * columns) }
        ck_i16_pack(
          base, columns, count, columns, levels + panel * panelLevels, scales + panel * panelScales)
      }
    }
  }

  deinit {
    UnsafeMutableRawPointer(levels).deallocate()
    UnsafeMutableRawPointer(scales).deallocate()
  }

  private static func read(
    _ parts: [WeightMatrix], row: Int, into out: UnsafeMutablePointer<Float>
  ) {
    var row = row
    for part in parts {
      if row < part.rows {
        KernelTable.best.functions.pointee.dequantize_row(
          Int32(part.type.rawValue), part.pointer + row * part.rowBytes, part.columns, out)
        return
      }
      row -= part.rows
    }
  }

  /// Bytes of a copy of so many weights.
  package static func byteCount(rows: Int, columns: Int) -> Int {
    let height = Int(CK_I16_ROWS)
    return (rows + height - 1) / height * height
      * (ck_i16_stride(columns) * MemoryLayout<Int16>.stride
        + ck_i16_sections(columns) * MemoryLayout<Float>.stride)
  }

  /// The bytes of scratch memory `multiply` needs for so many tokens.
  func scratchBytes(tokens: Int) -> Int { Self.scratchBytes(tokens: tokens, columns: columns) }

  package static func scratchBytes(tokens: Int, columns: Int) -> Int {
    levelBytes(tokens: tokens, columns: columns)
      + tokens * ck_i16_sections(columns) * MemoryLayout<Float>.stride
  }

  private static func levelBytes(tokens: Int, columns: Int) -> Int {
    (tokens * ck_i16_stride(columns) * MemoryLayout<Int16>.stride + 63) / 64 * 64
  }

  /// out[t * stride + r] = weights[r] · x[t] + bias[r], on the calling thread.
  /// - Parameter scratch: 64-byte aligned.
  func multiply(
    _ x: UnsafePointer<Float>, tokens: Int, bias: UnsafePointer<Float>?,
    into out: UnsafeMutablePointer<Float>, stride: Int, scratch: UnsafeMutableRawPointer,
    kernels: Int16Kernels
  ) {
    let line = ck_i16_stride(columns)
    let sections = ck_i16_sections(columns)
    let levels = scratch.bindMemory(to: Int16.self, capacity: tokens * line)
    let xScales = (scratch + Self.levelBytes(tokens: tokens, columns: columns))
      .bindMemory(to: Float.self, capacity: tokens * sections)
    for token in 0..<tokens {
      kernels.functions.pointee.quantize(
        x + token * columns, columns, levels + token * line, xScales + token * sections)
    }
    var product = ck_i16_product(
      weights: self.levels, weight_scales: scales, rows: rows, columns: columns, x: levels,
      x_scales: xScales, out: out, out_stride: stride, bias: bias)
    let height = Int(CK_I16_ROWS)
    kernels.functions.pointee.multiply(&product, 0, (rows + height - 1) / height, 0, tokens)
  }
}

/// The 16-bit kernels of one instruction set; all give the same bits.
package struct Int16Kernels: Sendable {
  nonisolated(unsafe) let functions: UnsafePointer<ck_i16_kernels>

  /// Every set this CPU can run, the scalar reference first.
  package static let available: [Int16Kernels] = {
    var sets: [Int16Kernels] = []
    while let next = ck_i16_kernels_at(sets.count) { sets.append(Int16Kernels(functions: next)) }
    return sets
  }()
  /// The fastest this CPU can run.
  package static let best = available[available.count - 1]

  /// Such as "avx512".
  package var name: String { String(cString: functions.pointee.name) }
}
