import Compute

/// One bit a row of a segment; a zero bit hides the row.
final class RowMask: @unchecked Sendable {  // written only before it is shared
  /// ⌈rows / 64⌉ words, read by blocks of 16 bits.
  private let words: UnsafeMutablePointer<UInt64>
  private let count: Int
  let rows: Int

  /// Shows every row, or none.
  init(rows: Int, showing: Bool) {
    self.rows = rows
    count = max(1, (rows + 63) / 64)
    words = .allocate(capacity: count)
    words.initialize(repeating: showing ? .max : 0, count: count)
  }

  /// Shows the rows that `dead` (one bit a row, as SQLite keeps it) does not name. Missing bytes
  /// count as zeros.
  convenience init(rows: Int, dead: UnsafeRawBufferPointer) {
    self.init(rows: rows, showing: true)
    for (index, byte) in dead.prefix((rows + 7) / 8).enumerated() where byte != 0 {
      words[index / 8] &= ~(UInt64(byte) << UInt64(index % 8 * 8))
    }
  }

  deinit { words.deallocate() }

  func show(_ row: Int) { words[row / 64] |= 1 << UInt64(row % 64) }

  func isShown(_ row: Int) -> Bool { words[row / 64] >> UInt64(row % 64) & 1 != 0 }

  /// Hides what `other` hides as well.
  func intersect(_ other: RowMask) {
    for index in 0..<min(count, other.count) { words[index] &= other.words[index] }
  }

  /// Rows shown.
  var shown: Int {
    var total = 0
    for index in 0..<(rows / 64) { total += words[index].nonzeroBitCount }
    if rows % 64 != 0 {
      total += (words[rows / 64] & (1 << UInt64(rows % 64) - 1)).nonzeroBitCount
    }
    return total
  }

  var bits: UnsafePointer<UInt16> {
    UnsafeRawPointer(words).assumingMemoryBound(to: UInt16.self)
  }
}
