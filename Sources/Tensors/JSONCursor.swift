// A strict JSON reader that hands values out as it meets them. Weight files carry their directory as
// JSON: it must be bounded, name the byte at which it is wrong, and see a key that occurs twice,
// which general decoders silently drop. RFC 8259.

import Storage

/// A position in JSON text that only moves forward.
struct JSONCursor {
  private let file: MappedFile
  /// Where the text begins in its file.
  private let base: Int
  private let bytes: UnsafeRawBufferPointer
  private(set) var offset = 0

  /// - Parameter range: where the text lies in the file; checked by the caller.
  init(_ file: MappedFile, in range: Range<Int>) {
    self.file = file
    base = range.lowerBound
    bytes = UnsafeRawBufferPointer(rebasing: file.bytes[range])
  }

  /// Where in the file the cursor stands.
  var position: Int { base + offset }

  func failure(_ code: TensorsError.Code, _ message: String) -> TensorsError {
    TensorsError(code, message, path: file.path, offset: position)
  }

  private mutating func skipSpace() {
    while offset < bytes.count, " \t\n\r".utf8.contains(bytes[offset]) { offset += 1 }
  }

  /// The next byte that is not white space; 0 at the end.
  private mutating func peek() -> UInt8 {
    skipSpace()
    return offset < bytes.count ? bytes[offset] : 0
  }

  private mutating func expect(_ byte: UInt8) throws(TensorsError) {
    guard peek() == byte else {
      throw failure(.badJSON, "expected \"\(Character(UnicodeScalar(byte)))\" in the JSON header")
    }
    offset += 1
  }

  /// Calls `body` with each key of an object; `body` must read the value.
  mutating func object(
    _ body: (inout JSONCursor, String) throws(TensorsError) -> Void
  ) throws(TensorsError) {
    try expect(UInt8(ascii: "{"))
    if peek() == UInt8(ascii: "}") {
      offset += 1
      return
    }
    while true {
      _ = peek()
      let key = try string()
      try expect(UInt8(ascii: ":"))
      try body(&self, key)
      if peek() == UInt8(ascii: ",") {
        offset += 1
        continue
      }
      return try expect(UInt8(ascii: "}"))
    }
  }

  /// The elements of an array of integers from 0 to `Int.max`, at most `limit` of them.
  mutating func integers(limit: Int) throws(TensorsError) -> [Int] {
    try expect(UInt8(ascii: "["))
    var values: [Int] = []
    if peek() == UInt8(ascii: "]") {
      offset += 1
      return values
    }
    while true {
      values.append(try integer())
      guard values.count <= limit else {
        throw failure(.badJSON, "expected at most \(limit) numbers in an array")
      }
      if peek() == UInt8(ascii: ",") {
        offset += 1
        continue
      }
      try expect(UInt8(ascii: "]"))
      return values
    }
  }

  private mutating func integer() throws(TensorsError) -> Int {
    _ = peek()
    var value = 0
    let start = offset
    while offset < bytes.count, (0x30...0x39).contains(bytes[offset]) {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(bytes[offset] - 0x30))
      guard !overflow, !carry else { throw failure(.badJSON, "the number is larger than 2^63 - 1") }
      value = sum
      offset += 1
    }
    guard offset > start, offset == start + 1 || bytes[start] != 0x30 else {
      throw failure(.badJSON, "expected an integer of 0 or more in the JSON header")
    }
    return value
  }

  /// A string with its escapes resolved.
  mutating func string() throws(TensorsError) -> String {
    try expect(UInt8(ascii: "\""))
    var text: [UInt8] = []
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: text, as: UTF8.self) else {
          throw failure(.badJSON, "expected a string in UTF-8")
        }
        return text
      case UInt8(ascii: "\\"): try escape(into: &text)
      case 0..<0x20: throw failure(.badJSON, "expected no control character in a string")
      default: text.append(byte)
      }
    }
    throw failure(.badJSON, "the JSON header ends in a string")
  }

  private mutating func escape(into text: inout [UInt8]) throws(TensorsError) {
    guard offset < bytes.count else { throw failure(.badJSON, "the JSON header ends in a string") }
    let byte = bytes[offset]
    offset += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0c)
    case UInt8(ascii: "n"): text.append(0x0a)
    case UInt8(ascii: "r"): text.append(0x0d)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexUnit()
      if code & 0xfc00 == 0xd800, offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"),
        bytes[offset + 1] == UInt8(ascii: "u")
      {
        offset += 2
        let low = try hexUnit()
        guard low & 0xfc00 == 0xdc00 else { throw failure(.badJSON, "half a surrogate pair") }
        code = 0x10000 + (code & 0x3ff) << 10 + low & 0x3ff
      }
      guard let scalar = UnicodeScalar(code) else {
        throw failure(.badJSON, "half a surrogate pair")
      }
      text.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
    default: throw failure(.badJSON, "an unknown escape in a string")
    }
  }

  private mutating func hexUnit() throws(TensorsError) -> UInt32 {
    guard bytes.count - offset >= 4 else {
      throw failure(.badJSON, "the JSON header ends in a string")
    }
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(UnicodeScalar(bytes[offset])).hexDigitValue else {
        throw failure(.badJSON, "expected four hexadecimal digits after \\u")
      }
      code = code << 4 | UInt32(digit)
      offset += 1
    }
    return code
  }

  /// Moves past a value of any kind; objects and arrays may nest `depth` deep.
  mutating func skipValue(depth: Int = 16) throws(TensorsError) {
    guard depth > 0 else { throw failure(.badJSON, "the JSON header nests too deeply") }
    switch peek() {
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "{"):
      try object { (cursor, _) throws(TensorsError) in try cursor.skipValue(depth: depth - 1) }
    case UInt8(ascii: "["):
      offset += 1
      if peek() == UInt8(ascii: "]") {
        offset += 1
        return
      }
      while true {
        try skipValue(depth: depth - 1)
        if peek() == UInt8(ascii: ",") {
          offset += 1
          continue
        }
        return try expect(UInt8(ascii: "]"))
      }
    default: try skipScalar()
    }
  }

  /// A number, `true`, `false` or `null`.
  private mutating func skipScalar() throws(TensorsError) {
    let start = offset
    while offset < bytes.count, "+-.0123456789eEaflnrstu".utf8.contains(bytes[offset]) {
      offset += 1
    }
    let word = String(
      decoding: UnsafeRawBufferPointer(rebasing: bytes[start..<offset]), as: UTF8.self)
    guard ["true", "false", "null"].contains(word) || Double(word) != nil else {
      offset = start
      throw failure(.badJSON, "expected a JSON value")
    }
  }

  /// Checks that nothing but white space is left.
  mutating func finish() throws(TensorsError) {
    skipSpace()
    guard offset == bytes.count else { throw failure(.badJSON, "expected the JSON header to end") }
  }
}
