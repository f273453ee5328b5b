// Writes small GGUF files by hand, valid or wrong in one chosen place.

/// The little-endian bytes of an integer.
func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

struct GGUFBuilder {
  struct Pair {
    var key: [UInt8]
    var kind: UInt32
    var value: [UInt8]
  }

  struct Entry {
    var name: [UInt8]
    var rank: UInt32?
    /// Innermost first, as in the file.
    var dimensions: [UInt64]
    var type: UInt32
    var offset: UInt64
  }

  var magic = Array("GGUF".utf8)
  var version: UInt32 = 3
  /// Written instead of the true counts when set.
  var tensorCount: UInt64?
  var pairCount: UInt64?
  var pairs: [Pair] = []
  var entries: [Entry] = []
  var alignment = 32
  var data: [UInt8] = []

  static func string(_ text: [UInt8], length: UInt64? = nil) -> [UInt8] {
    littleEndian(length ?? UInt64(text.count)) + text
  }

  static func string(_ text: String) -> [UInt8] { string(Array(text.utf8)) }

  mutating func add(_ key: String, kind: UInt32, _ value: [UInt8]) {
    pairs.append(Pair(key: Array(key.utf8), kind: kind, value: value))
  }

  mutating func add(_ key: String, _ value: String) { add(key, kind: 8, Self.string(value)) }

  mutating func add(_ key: String, _ value: UInt32) { add(key, kind: 4, littleEndian(value)) }

  /// An array; `count` is written as given.
  mutating func add(_ key: String, elementKind: UInt32, count: UInt64, _ elements: [UInt8]) {
    add(key, kind: 9, littleEndian(elementKind) + littleEndian(count) + elements)
  }

  mutating func add(
    tensor name: String, _ dimensions: [UInt64], type: UInt32, offset: UInt64
  ) {
    entries.append(
      Entry(name: Array(name.utf8), dimensions: dimensions, type: type, offset: offset))
  }

  var directory: [UInt8] {
    var bytes = magic + littleEndian(version)
    bytes += littleEndian(tensorCount ?? UInt64(entries.count))
    bytes += littleEndian(pairCount ?? UInt64(pairs.count))
    for pair in pairs {
      bytes += Self.string(pair.key) + littleEndian(pair.kind) + pair.value
    }
    for entry in entries {
      bytes += Self.string(entry.name)
      bytes += littleEndian(entry.rank ?? UInt32(entry.dimensions.count))
      for dimension in entry.dimensions { bytes += littleEndian(dimension) }
      bytes += littleEndian(entry.type) + littleEndian(entry.offset)
    }
    return bytes
  }

  var bytes: [UInt8] {
    var bytes = directory
    while bytes.count % alignment != 0 { bytes.append(0) }
    return bytes + data
  }

  /// A valid file with a value of every kind and three tensors; no padding at its end, so that every
  /// shorter file is wrong.
  static var sample: GGUFBuilder {
    var file = GGUFBuilder()
    file.add("general.architecture", "llama")
    file.add("u8", kind: 0, [200])
    file.add("i8", kind: 1, littleEndian(Int8(-5)))
    file.add("u16", kind: 2, littleEndian(UInt16(60_000)))
    file.add("i16", kind: 3, littleEndian(Int16(-300)))
    file.add("u32", 4_000_000_000)
    file.add("i32", kind: 5, littleEndian(Int32(-70_000)))
    file.add("f32", kind: 6, littleEndian(Float(1.5).bitPattern))
    file.add("bool", kind: 7, [1])
    file.add("u64", kind: 10, littleEndian(UInt64.max))
    file.add("i64", kind: 11, littleEndian(Int64.min))
    file.add("f64", kind: 12, littleEndian(Double(-0.25).bitPattern))
    file.add(
      "strings", elementKind: 8, count: 3, string("a") + string("") + string([0xff, 0xfe]))
    file.add("ints", elementKind: 5, count: 2, littleEndian(Int32(-1)) + littleEndian(Int32(7)))
    file.add("floats", elementKind: 6, count: 1, littleEndian(Float(2).bitPattern))
    file.add("bools", elementKind: 7, count: 2, [0, 1])
    file.add("empty", elementKind: 8, count: 0, [])
    file.add(tensor: "matrix", [2, 3], type: 0, offset: 0)  // 24 bytes
    file.add(tensor: "experts", [32, 2, 2], type: 39, offset: 32)  // 4 rows × 17 = 68 bytes
    file.add(tensor: "vector", [16], type: 1, offset: 128)  // 32 bytes
    file.data = (0..<160).map { UInt8($0) }
    return file
  }
}
