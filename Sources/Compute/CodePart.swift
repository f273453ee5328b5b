// What a search over byte codes is given and what it gives back.

/// A run of coded rows to search, lent for the length of the search.
package struct CodePart: @unchecked Sendable {  // read only
  /// [block][⌈columns / 4⌉][16][4]
  package var codes: UnsafePointer<UInt8>
  /// [block][3][16]
  package var facts: UnsafePointer<Float>
  /// [rows][columns]
  package var floats: UnsafePointer<Float>
  /// [rows]
  package var ids: UnsafePointer<Int64>
  package var rows: Int
  /// One bit a row, a zero bit hides it; whole blocks (16 bits each). Nil shows every row.
  package var mask: UnsafePointer<UInt16>?
  /// Blocks to look at; nil for all.
  package var blocks: [Range<Int>]?

  package init(
    codes: UnsafePointer<UInt8>, facts: UnsafePointer<Float>, floats: UnsafePointer<Float>,
    ids: UnsafePointer<Int64>, rows: Int, mask: UnsafePointer<UInt16>? = nil,
    blocks: [Range<Int>]? = nil
  ) {
    self.codes = codes
    self.facts = facts
    self.floats = floats
    self.ids = ids
    self.rows = rows
    self.mask = mask
    self.blocks = blocks
  }
}

/// Sums over the rows that a search looked at; integers, so that the order of rows does not matter.
package struct CodeSpread: Sendable, Equatable {
  /// Products in units of 2^-15, each cut to ±1.5.
  package var sum: Int64 = 0
  /// Their squares, in units of 2^-30.
  package var squares: Int64 = 0
  package var count: Int64 = 0
}

/// What a search found for one query.
package struct CodeResult: Sendable {
  /// Best first; `row` is the id. The score is the true product rounded to Float.
  package var best: [ScoredRow]
  package var spread: CodeSpread
  /// Rows whose floats were read.
  package var rescored: Int
}
