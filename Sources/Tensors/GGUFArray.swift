// An array of a GGUF file's metadata, in the mapping.

import Storage

/// Elements of one kind as they lie in the file; each property converts them anew. All of them were
/// checked by the reader: lengths, truth values, and that integers fit in `Int64`.
package struct GGUFArray: Sendable {
  private let file: MappedFile
  /// As in the file: `GGUFFile.swift` lists them.
  private let kind: UInt32
  package let count: Int
  private let range: Range<Int>

  init(file: MappedFile, kind: UInt32, count: Int, range: Range<Int>) {
    self.file = file
    self.kind = kind
    self.count = count
    self.range = range
  }

  /// Bytes of an element, of a string at least; nil for what is no kind, or an array itself.
  static func width(_ kind: UInt32) -> Int? {
    switch kind {
    case 0, 1, 7: 1
    case 2, 3: 2
    case 4, 5, 6: 4
    case 8, 10, 11, 12: 8
    default: nil
    }
  }

  /// Whether an element does not fit in `Int64`; of 64-bit unsigned integers only.
  var isTooLarge: Bool { numbers(UInt64.self) { $0 > Int64.max }.contains(true) }

  /// Nil where the elements are something else, as below.
  package var integers: [Int64]? {
    switch kind {
    case 0: numbers(UInt8.self) { Int64($0) }
    case 1: numbers(Int8.self) { Int64($0) }
    case 2: numbers(UInt16.self) { Int64($0) }
    case 3: numbers(Int16.self) { Int64($0) }
    case 4: numbers(UInt32.self) { Int64($0) }
    case 5: numbers(Int32.self) { Int64($0) }
    case 10: numbers(UInt64.self) { Int64(bitPattern: $0) }
    case 11: numbers(Int64.self) { $0 }
    default: nil
    }
  }

  package var floats: [Float]? {
    switch kind {
    case 6: numbers(UInt32.self) { Float(bitPattern: $0) }
    case 12: numbers(UInt64.self) { Float(Double(bitPattern: $0)) }
    default: nil
    }
  }

  package var bools: [Bool]? { kind == 7 ? numbers(UInt8.self) { $0 == 1 } : nil }

  package var strings: GGUFStrings? {
    guard kind == 8 else { return nil }
    let bytes = file.bytes
    var position = range.lowerBound
    var starts = [Int](repeating: 0, count: count + 1)
    for i in 0..<count {
      starts[i] = position + 8
      // True when the file was opened; somebody may have written into it since.
      guard range.upperBound - position >= 8 else { return nil }
      let length = UInt64(
        littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      guard length <= UInt64(range.upperBound - position - 8) else { return nil }
      position += 8 + Int(length)
    }
    starts[count] = position + 8
    return GGUFStrings(file: file, starts: starts)
  }

  private func numbers<T: FixedWidthInteger, Value>(
    _ type: T.Type, _ convert: (T) -> Value
  ) -> [Value] {
    let bytes = file.bytes
    let width = MemoryLayout<T>.size
    return (0..<count).map { i in
      let bits = bytes.loadUnaligned(
        fromByteOffset: range.lowerBound &+ i &* width, as: T.self)
      return convert(T(littleEndian: bits))
    }
  }
}
