// Reading little-endian numbers and counted strings from untrusted bytes: every step is checked
// against the end before it is taken.

import Storage

/// A position in a mapped file that only moves forward.
struct ByteCursor {
  let file: MappedFile
  private(set) var offset = 0

  init(_ file: MappedFile) {
    self.file = file
  }

  var remaining: Int { file.bytes.count - offset }

  func failure(_ code: TensorsError.Code, _ message: String, at offset: Int? = nil) -> TensorsError
  {
    TensorsError(code, message, path: file.path, offset: offset ?? self.offset)
  }

  /// Moves past `count` bytes and gives the range they lie in.
  mutating func skip(_ count: Int, _ what: @autoclosure () -> String) throws(TensorsError) -> Range<
    Int
  > {
    guard count >= 0, count <= remaining else {
      throw failure(
        .truncated, "expected \(count) bytes of \(what()), found \(remaining) to the file's end")
    }
    defer { offset += count }
    return offset..<(offset + count)
  }

  mutating func read<T: FixedWidthInteger>(
    _ type: T.Type, _ what: @autoclosure () -> String
  ) throws(TensorsError) -> T {
    let range = try skip(MemoryLayout<T>.size, what())
    return T(
      littleEndian: file.bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: T.self))
  }

  /// A count of things of at least `minimumBytes` each, which must fit in what is left of the file.
  mutating func readCount(
    ofMinimumBytes minimumBytes: Int, _ what: @autoclosure () -> String
  ) throws(TensorsError) -> Int {
    let start = offset
    let count = try read(UInt64.self, what())
    guard count <= UInt64(remaining / minimumBytes) else {
      throw failure(
        .badCount,
        "expected a number of \(what()) that fits in the \(remaining) bytes left, found \(count)",
        at: start)
    }
    return Int(count)
  }

  /// The range of a string: 64-bit length, then bytes.
  mutating func readStringRange(_ what: @autoclosure () -> String) throws(TensorsError) -> Range<
    Int
  > {
    let start = offset
    let length = try read(UInt64.self, "the length of \(what())")
    guard length <= UInt64(remaining) else {
      throw failure(
        .truncated, "\(what()) is said to be \(length) bytes long, but \(remaining) are left",
        at: start)
    }
    return try skip(Int(length), what())
  }

  /// A name or key: 1 to `limit` bytes of valid UTF-8 without NUL.
  mutating func readName(limit: Int, _ what: String) throws(TensorsError) -> String {
    let start = offset
    let range = try readStringRange(what)
    let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[range])
    guard (1...limit).contains(bytes.count) else {
      throw failure(
        .badName, "expected \(what) of 1 to \(limit) bytes, found \(bytes.count)", at: start)
    }
    guard !bytes.contains(0), let name = String(validating: bytes, as: UTF8.self) else {
      throw failure(.badName, "expected \(what) in UTF-8 without NUL", at: start)
    }
    return name
  }
}
