// Metadata values of a GGUF file. Integers are widened to 64 bits; arrays stay in the mapping until
// somebody asks for them, because a vocabulary has a quarter of a million elements.

import Storage

/// One metadata value.
package enum GGUFValue: Sendable {
  case unsigned(UInt64)
  case signed(Int64)
  case float(Double)
  case bool(Bool)
  case string(String)
  case array(GGUFArray)

  /// An integer of either sign that fits in `Int`; `nil` for any other kind.
  package var int: Int? {
    switch self {
    case .unsigned(let value): Int(exactly: value)
    case .signed(let value): Int(exactly: value)
    default: nil
    }
  }

  /// A floating-point number or an integer; `nil` for any other kind.
  package var double: Double? {
    switch self {
    case .float(let value): value
    case .unsigned(let value): Double(value)
    case .signed(let value): Double(value)
    default: nil
    }
  }

  package var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  package var string: String? {
    if case .string(let value) = self { value } else { nil }
  }

  package var array: GGUFArray? {
    if case .array(let value) = self { value } else { nil }
  }

  package var strings: GGUFStrings? { array?.strings }
  package var integers: [Int64]? { array?.integers }
  package var floats: [Float]? { array?.floats }
  package var bools: [Bool]? { array?.bools }
}

/// An array of strings lent from the mapping: bytes, not necessarily UTF-8, not copied.
package struct GGUFStrings: Sendable, RandomAccessCollection {
  private let file: MappedFile
  /// Where each string begins in the file; one more than there are strings. A string ends 8 bytes
  /// (the next length) before the next begins.
  private let starts: [Int]

  /// - Parameter starts: checked against the file by the reader.
  init(file: MappedFile, starts: [Int]) {
    self.file = file
    self.starts = starts
  }

  package var startIndex: Int { 0 }
  package var endIndex: Int { starts.count - 1 }

  /// The bytes of one string; valid while this value (or the file it came from) lives.
  package subscript(i: Int) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: file.bytes[starts[i]..<(starts[i + 1] - 8)])
  }

  /// One string as text; invalid UTF-8 is repaired.
  package func text(_ i: Int) -> String { String(decoding: self[i], as: UTF8.self) }
}
