// One named array in a weight file, and the things that hand such arrays out by name.

import Storage

/// A named, shaped view of bytes in a mapped weight file.
///
/// Whoever makes one has checked that the range lies in the file and that its length is what shape
/// and type call for; code that reads it may trust both.
package struct Tensor: Sendable {
  package let name: String
  /// Outermost dimension first: a matrix is [rows, columns], experts are [experts, rows, columns].
  /// Empty for a scalar (safetensors only).
  package let shape: [Int]
  package let type: ElementType
  /// The mapped file the bytes lie in; this reference keeps it mapped.
  package let file: MappedFile
  /// Where in the file, in bytes.
  package let range: Range<Int>

  /// The stored bytes: row after row, each `rowBytes` long. Valid while `file` lives.
  package var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: file.bytes[range])
  }

  package var elementCount: Int { shape.reduce(1, *) }
  /// Elements in one row: the innermost dimension, contiguous in memory.
  package var columns: Int { shape.last ?? 1 }
  /// The product of all dimensions but the innermost.
  package var rows: Int { shape.dropLast().reduce(1, *) }
  /// Bytes of one row.
  package var rowBytes: Int { columns / type.blockElements * type.blockBytes }

  /// The stored size of `shape` in `type`, or `nil` when it overflows or when the innermost
  /// dimension is not a whole number of blocks.
  static func byteCount(shape: [Int], type: ElementType) -> Int? {
    guard (shape.last ?? 1) % type.blockElements == 0 else { return nil }
    var count = 1
    for dimension in shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
      guard !overflow, dimension >= 0 else { return nil }
      count = product
    }
    let (bytes, overflow) = (count / type.blockElements)
      .multipliedReportingOverflow(by: type.blockBytes)
    return overflow ? nil : bytes
  }
}

/// Weights by name, wherever they lie.
package protocol TensorSource: Sendable {
  func tensor(named name: String) -> Tensor?
  /// All names, in file order.
  var tensorNames: [String] { get }
}
