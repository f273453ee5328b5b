// Vectors as byte codes: what a first pass of a search reads instead of their floats.

import CKernels

/// The code kernels of one instruction set; all give the same bits.
package struct CodeKernels: Sendable, CustomStringConvertible {
  nonisolated(unsafe) let functions: UnsafePointer<ck_code_kernels>

  /// Every set this CPU can run, the scalar reference first.
  package static let available: [CodeKernels] = {
    var sets: [CodeKernels] = []
    while let next = ck_code_kernels_at(sets.count) { sets.append(CodeKernels(functions: next)) }
    return sets
  }()

  /// The fastest this CPU can run.
  package static let best = available[available.count - 1]

  package var description: String { String(cString: functions.pointee.name) }
}

/// How rows of floats become byte codes (`ck_codes.h` has the layout and the bound).
package enum CodeLayout {
  /// Rows in a block.
  package static let blockRows = Int(CK_CODE_ROWS)
  /// Floats in a block's facts: [scale, norm, error][16].
  package static let blockFacts = Int(CK_CODE_FACTS)
  /// No longer vector can be coded.
  package static let longest: Float = 1e6

  /// Bytes of a block of codes.
  package static func blockBytes(columns: Int) -> Int { (columns + 3) / 4 * 64 }

  package static func blocks(rows: Int) -> Int { (rows + blockRows - 1) / blockRows }

  /// Encodes up to 16 rows as one block.
  /// - Parameters:
  ///   - x: [rows][columns].
  ///   - codes: [⌈columns / 4⌉][16][4], overwritten.
  ///   - facts: [3][16], overwritten.
  /// - Returns: the first row that is not finite or longer than `longest`; nil when all is well.
  package static func encode(
    _ x: UnsafePointer<Float>, rows: Int, columns: Int, codes: UnsafeMutablePointer<UInt8>,
    facts: UnsafeMutablePointer<Float>
  ) -> Int? {
    let done = ck_encode_block(x, rows, columns, codes, facts)
    return done == rows ? nil : done
  }
}

/// CRC-32C: tells a damaged file from a whole one.
package struct Checksum: Sendable, Equatable {
  package private(set) var value: UInt32 = 0

  package init() {}

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    value = ck_crc32c(value, bytes.baseAddress, bytes.count)
  }

  package static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var checksum = Checksum()
    checksum.update(bytes)
    return checksum.value
  }
}
