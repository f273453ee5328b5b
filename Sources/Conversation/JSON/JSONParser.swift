/// Reads JSON (RFC 8259) strictly: no comments, no trailing commas, nothing behind the value.
///
/// Nesting is limited, so that no input can exhaust the stack. Of a repeated key the last value counts,
/// at the place of the first; a lone surrogate becomes U+FFFD.
package struct JSONParser {
  private let bytes: [UInt8]
  private var position = 0
  private let maximumDepth: Int
  /// How many more values there may be.
  private var values: Int

  /// - Throws: `malformedJSON` with the byte offset.
  package static func parse(_ text: String) throws(ConversationError) -> JSONValue {
    try parse(Array(text.utf8))
  }

  /// - Parameters:
  ///   - bytes: UTF-8; what is not becomes U+FFFD in strings.
  ///   - depth: the most levels of arrays and objects.
  ///   - values: the most values of any kind.
  /// - Throws: `malformedJSON` with the byte offset.
  package static func parse(
    _ bytes: [UInt8], depth: Int = 128, values: Int = .max
  ) throws(ConversationError) -> JSONValue {
    var parser = JSONParser(bytes: bytes, maximumDepth: depth, values: values)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.position == parser.bytes.count else {
      throw parser.error("expected the end of the text after the value")
    }
    return value
  }

  private init(bytes: [UInt8], maximumDepth: Int, values: Int) {
    self.bytes = bytes
    self.maximumDepth = maximumDepth
    self.values = values
  }

  private func error(_ message: String) -> ConversationError {
    ConversationError(.malformedJSON, message, offset: position)
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

  private mutating func value(depth: Int) throws(ConversationError) -> JSONValue {
    guard depth < maximumDepth else { throw error("nested deeper than \(maximumDepth) levels") }
    values -= 1
    guard values >= 0 else { throw error("more values than are allowed") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case let byte? where byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte):
      return .number(try number())
    case nil: throw error("expected a value, found the end of the text")
    default: throw error("expected a value")
    }
  }

  private mutating func word(
    _ word: StaticString, _ value: JSONValue
  ) throws(ConversationError) -> JSONValue {
    let expected = Array("\(word)".utf8)
    guard bytes[position...].starts(with: expected) else { throw error("expected a value") }
    position += expected.count
    return value
  }

  private mutating func object(depth: Int) throws(ConversationError) -> JSONValue {
    var members: [JSONValue.Member] = []
    var places: [String: Int] = [:]
    position += 1
    skipSpace()
    if take("}") { return .object([]) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw error("expected a member name in quotes") }
      let key = try string()
      skipSpace()
      guard take(":") else { throw error("expected a colon after \"\(key)\"") }
      let value = try value(depth: depth + 1)
      if let place = places[key] {
        members[place].value = value
      } else {
        places[key] = members.count
        members.append(.init(key, value))
      }
      skipSpace()
    } while take(",")
    guard take("}") else { throw error("expected a comma or the end of the object") }
    return .object(members)
  }

  private mutating func array(depth: Int) throws(ConversationError) -> JSONValue {
    var values: [JSONValue] = []
    position += 1
    skipSpace()
    if take("]") { return .array([]) }
    repeat {
      values.append(try value(depth: depth + 1))
      skipSpace()
    } while take(",")
    guard take("]") else { throw error("expected a comma or the end of the array") }
    return .array(values)
  }

  private mutating func number() throws(ConversationError) -> String {
    let start = position
    _ = take("-")
    if !take("0") {
      guard digits() else { throw error("expected a digit") }
    }
    if take("."), !digits() { throw error("expected a digit after the point") }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      guard digits() else { throw error("expected a digit in the exponent") }
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func digits() -> Bool {
    let start = position
    while let byte = next, byte >= 0x30, byte <= 0x39 { position += 1 }
    return position > start
  }

  private mutating func string() throws(ConversationError) -> String {
    position += 1
    var out: [UInt8] = []
    // What stands as it is is copied in one piece.
    var plain = position
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        out += bytes[plain..<position]
        position += 1
        return String(decoding: out, as: UTF8.self)
      case UInt8(ascii: "\\"):
        out += bytes[plain..<position]
        position += 1
        try escape(into: &out)
        plain = position
      case 0..<0x20: throw error("control characters must be escaped in a string")
      default: position += 1
      }
    }
    throw error("expected the end of the string")
  }

  private mutating func escape(into out: inout [UInt8]) throws(ConversationError) {
    guard let byte = next else { throw error("expected an escape") }
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
      // A lone surrogate is no character.
      let character = Unicode.Scalar(scalar) ?? "\u{FFFD}"
      out.append(contentsOf: String(Character(character)).utf8)
    default: throw error("unknown escape")
    }
  }

  private mutating func hex4() throws(ConversationError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue,
        byte < 0x80
      else { throw error("expected four hexadecimal digits") }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}
