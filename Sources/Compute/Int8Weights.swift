// A copy of float weights as bytes.

import CKernels
import Tensors

/// Rotated weights as 8-bit levels in panels of 32 rows (ck_int8.h): a quarter of the bytes of f32, and
/// exact integer dot products at four times the rate of float ones. A product is off by about a hundredth
/// of its typical size. Some rows may have 8 bits more, for twice the work.
///
/// Immutable, in memory of its own.
package final class Int8Weights: @unchecked Sendable {
  package let rows: Int
  package let columns: Int
  /// Of all rows, and what they leave of the finer ones.
  private let panels: [Panels]
  private let vectors: VectorKernels

  private struct Panels {
    /// A multiple of 32.
    let firstRow: Int
    let rows: Int
    /// [panel][stride / 4][32 rows][4 columns]
    let levels: UnsafeMutablePointer<Int8>
    /// [panel][section][32]
    let scales: UnsafeMutablePointer<Float>

    static let height = Int(CK_I8_ROWS)
    var count: Int { (rows + Self.height - 1) / Self.height }

    init(rows: Range<Int>, columns: Int) {
      firstRow = rows.lowerBound
      self.rows = rows.count
      let bytes = Int8Weights.byteCount(rows: rows.count, columns: columns)
      // Levels of whole panels are whole cache lines; the scales follow them.
      let levelBytes =
        (rows.count + Self.height - 1) / Self.height * Self.height * ck_i8_stride(columns)
      let memory = UnsafeMutableRawPointer.allocate(byteCount: max(1, bytes), alignment: 64)
      levels = memory.bindMemory(to: Int8.self, capacity: levelBytes)
      scales = (memory + levelBytes).bindMemory(
        to: Float.self, capacity: (bytes - levelBytes) / MemoryLayout<Float>.stride)
    }
  }

  /// The rows of all `parts`, which have the same number of columns, one matrix below the other.
  ///
  /// - Parameters:
  ///   - finer: rows of which 16 bits are kept; whole panels are.
  ///   - vectors: what rotates weights and activations.
  package init(
    _ parts: [WeightMatrix], finer: Range<Int> = 0..<0, on pool: WorkerPool,
    vectors: VectorKernels = .best
  ) {
    let columns = parts.first?.columns ?? 0
    let rows = parts.reduce(0) { $0 + $1.rows }
    precondition(parts.allSatisfy { $0.columns == columns && $0.experts == 1 })
    precondition(finer.isEmpty || 0..<rows ~= finer.lowerBound && finer.upperBound <= rows)
    self.rows = rows
    self.columns = columns
    self.vectors = vectors
    let height = Panels.height
    let all = Panels(rows: 0..<rows, columns: columns)
    let start = finer.lowerBound / height * height
    let rest =
      finer.isEmpty
      ? nil
      : Panels(
        rows: start..<min(rows, (finer.upperBound + height - 1) / height * height),
        columns: columns)
    panels = [all, rest].compactMap { $0 }
    let panelLevels = height * ck_i8_stride(columns)
    let panelScales = height * ck_i8_sections(columns)
    pool.run(chunks: all.count) { panel in
      var table = vectors.table
      withUnsafeTemporaryAllocation(of: Float.self, capacity: height * columns) { floats in
        guard let base = floats.baseAddress else { return }
        let first = panel * height
        let count = min(height, rows - first)
        for row in 0..<count { Self.read(parts, row: first + row, into: base + row * columns) }
        let levels = all.levels + panel * panelLevels
        let scales = all.scales + panel * panelScales
        ck_i8_pack(&table, base, columns, count, columns, levels, scales)
        guard let rest, first >= start, first < start + rest.rows else { return }
        let second = panel - start / height
        ck_i8_subtract(&table, levels, scales, count, columns, base, columns)
        ck_i8_pack(
          &table, base, columns, count, columns, rest.levels + second * panelLevels,
          rest.scales + second * panelScales)
      }
    }
  }

  deinit {
    for part in panels { UnsafeMutableRawPointer(part.levels).deallocate() }
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

  package var byteCount: Int {
    panels.reduce(0) { $0 + Self.byteCount(rows: $1.rows, columns: columns) }
  }

  /// Bytes of a copy of so many weights.
  package static func byteCount(rows: Int, columns: Int) -> Int {
    let height = Panels.height
    return (rows + height - 1) / height * height
      * (ck_i8_stride(columns) + ck_i8_sections(columns) * MemoryLayout<Float>.stride)
  }

  /// The bytes of scratch memory `multiply` needs for so many tokens.
  func scratchBytes(tokens: Int) -> Int { Self.scratchBytes(tokens: tokens, columns: columns) }

  package static func scratchBytes(tokens: Int, columns: Int) -> Int {
    levelBytes(tokens: tokens, columns: columns)
      + tokens * ck_i8_sections(columns) * MemoryLayout<ck_i8_facts>.stride
  }

  private static func levelBytes(tokens: Int, columns: Int) -> Int {
    (tokens * ck_i8_stride(columns) + 63) / 64 * 64
  }

  /// out[t * stride + r] = weights[r] · x[t] + bias[r], on the calling thread.
  /// - Parameter scratch: 64-byte aligned.
  func multiply(
    _ x: UnsafePointer<Float>, tokens: Int, bias: UnsafePointer<Float>?,
    into out: UnsafeMutablePointer<Float>, stride: Int, scratch: UnsafeMutableRawPointer,
    kernels: Int8Kernels
  ) {
    let line = ck_i8_stride(columns)
    let sections = ck_i8_sections(columns)
    let levels = scratch.bindMemory(to: Int8.self, capacity: tokens * line)
    let facts = (scratch + Self.levelBytes(tokens: tokens, columns: columns))
      .bindMemory(to: ck_i8_facts.self, capacity: tokens * sections)
    var table = vectors.table
    for token in 0..<tokens {
      ck_i8_quantize(
        &table, x + token * columns, columns, levels + token * line, facts + token * sections)
    }
    for (index, part) in panels.enumerated() {
      var product = ck_i8_product(
        weights: part.levels, weight_scales: part.scales, rows: part.rows, columns: columns,
        x: levels, x_facts: facts, out: out + part.firstRow, out_stride: stride, bias: bias,
        adds: index > 0 ? 1 : 0)
      kernels.functions.pointee.multiply(&product, 0, part.count, 0, tokens)
    }
  }
}

/// The kernels for bytes of one instruction set; all give the same bits.
package struct Int8Kernels: Sendable {
  nonisolated(unsafe) let functions: UnsafePointer<ck_i8_kernels>

  /// Every set this CPU can run, the scalar reference first.
  package static let available: [Int8Kernels] = {
    var sets: [Int8Kernels] = []
    while let next = ck_i8_kernels_at(sets.count) { sets.append(Int8Kernels(functions: next)) }
    return sets
  }()
  /// The fastest this CPU can run.
  package static let best = available[available.count - 1]

  /// Such as "avx512".
  package var name: String { String(cString: functions.pointee.name) }
}
