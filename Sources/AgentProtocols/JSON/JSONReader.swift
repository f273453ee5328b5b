/// Reads JSON (RFC 8259) strictly from bytes nobody vouches for: no comments, no trailing commas,
/// nothing behind the value, UTF-8 only.
///
/// Depth and number of values are limited, so that no message can exhaust the stack or turn into
/// many times its size in memory. Of a repeated member the last counts; a lone surrogate becomes
/// U+FFFD.
package struct JSONReader {
  package static let maximumDepth = 64
  package static let maximumValues = 200_000

  /// What is wrong, with the byte where it was seen.
  package struct Failure: Error, Equatable, CustomStringConvertible {
    package let message: String
    package let offset: Int
    package var description: String { "\(message) at byte \(offset)" }
  }

  private let bytes: [UInt8]
  private var position = 0
  private var values = 0

  package static func read(_ bytes: [UInt8]) throws(Failure) -> JSONValue {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(message: "the text is not UTF-8", offset: 0)
    }
    _ = consume text
    var reader = JSONReader(bytes: bytes)
    let value = try reader.value(depth: 0)
    reader.skipSpace()
    guard reader.position == bytes.count else {
      throw reader.failure("expected the end of the message")
    }
    return value
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private func failure(_ message: String) -> Failure {
    Failure(message: message, offset: position)
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  private mutating func take(_ byte: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: byte) else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(Failure) -> JSONValue {
    guard depth < Self.maximumDepth else {
      throw failure("nested deeper than \(Self.maximumDepth) levels")
    }
    values += 1
    guard values <= Self.maximumValues else {
      throw failure("more than \(Self.maximumValues) values")
    }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case let byte? where byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte):
      return try number()
    case nil: throw failure("expected a value, found the end of the message")
    default: throw failure("expected a value")
    }
  }

  private mutating func word(_ word: String, _ value: JSONValue) throws(Failure) -> JSONValue {
    guard bytes[position...].starts(with: word.utf8) else { throw failure("expected a value") }
    position += word.utf8.count
    return value
  }

  private mutating func object(depth: Int) throws(Failure) -> JSONValue {
    var members: [String: JSONValue] = [:]
    position += 1
    skipSpace()
    if take("}") { return .object(members) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw failure("expected a name in quotes") }
      let name = try string()
      skipSpace()
      guard take(":") else { throw failure("expected a colon") }
      members[name] = try value(depth: depth + 1)
      skipSpace()
    } while take(",")
    guard take("}") else { throw failure("expected a comma or the end of the object") }
    return .object(members)
  }

  private mutating func array(depth: Int) throws(Failure) -> JSONValue {
    var elements: [JSONValue] = []
    position += 1
    skipSpace()
    if take("]") { return .array(elements) }
    repeat {
      elements.append(try value(depth: depth + 1))
      skipSpace()
    } while take(",")
    guard take("]") else { throw failure("expected a comma or the end of the array") }
    return .array(elements)
  }

  private mutating func number() throws(Failure) -> JSONValue {
    let start = position
    var isWhole = true
    _ = take("-")
    if !take("0"), !digits() { throw failure("expected a digit") }
    if take(".") {
      isWhole = false
      guard digits() else { throw failure("expected a digit after the point") }
    }
    if take("e") || take("E") {
      isWhole = false
      if !take("+") { _ = take("-") }
      guard digits() else { throw failure("expected a digit in the exponent") }
    }
    let spelling = String(decoding: bytes[start..<position], as: UTF8.self)
    if isWhole, let value = Int(spelling) { return .integer(value) }
    guard let value = Double(spelling), value.isFinite else {
      throw failure("the number is out of range")
    }
    return .number(value)
  }

  private mutating func digits() -> Bool {
    let start = position
    while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
    return position > start
  }

  private mutating func string() throws(Failure) -> String {
    position += 1
    let start = position
    var escaped: [UInt8]?
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        let text = String(decoding: escaped ?? Array(bytes[start..<position]), as: UTF8.self)
        position += 1
        return text
      case UInt8(ascii: "\\"):
        var out = escaped ?? Array(bytes[start..<position])
        // Held once only, so that appending does not copy.
        escaped = nil
        position += 1
        try escape(into: &out)
        escaped = out
      case 0..<0x20: throw failure("control characters must be escaped in a string")
      default:
        escaped?.append(byte)
        position += 1
      }
    }
    throw failure("expected the end of the string")
  }

  private mutating func escape(into out: inout [UInt8]) throws(Failure) {
    guard let byte = next else { throw failure("expected an escape") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
    case UInt8(ascii: "b"): out.append(0x08)
    case UInt8(ascii: "f"): out.append(0x0C)
    case UInt8(ascii: "n"): out.append(0x0A)
    case UInt8(ascii: "r"): out.append(0x0D)
    case UInt8(ascii: "t"): out.append(0x09)
    case UInt8(ascii: "u"):
      var scalar = try hex4()
      if scalar & 0xFC00 == 0xD800, bytes[position...].starts(with: [0x5C, 0x75]) {
        let mark = position
        position += 2
        let low = try hex4()
        if low & 0xFC00 == 0xDC00 {
          scalar = 0x10000 + (scalar & 0x3FF) << 10 + (low & 0x3FF)
        } else {
          position = mark
        }
      }
      let character = Unicode.Scalar(scalar) ?? "\u{FFFD}"
      out += String(Character(character)).utf8
    default: throw failure("unknown escape")
    }
  }

  private mutating func hex4() throws(Failure) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, byte < 0x80,
        let digit = Character(Unicode.Scalar(byte)).hexDigitValue
      else { throw failure("expected four hexadecimal digits") }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}
