import Storage

/// One JSON value, for the small description files of model folders. Strings stay bytes: a vocabulary
/// has entries that differ only in Unicode normalisation, which `String` would call equal. RFC 8259.
enum JSONNode {
  case null
  case bool(Bool)
  case number(Double)
  case string([UInt8])
  case array([JSONNode])
  case object([(key: [UInt8], value: JSONNode)])

  /// `nil` when the text is not JSON, or nested more than 64 deep.
  init?(_ bytes: UnsafeRawBufferPointer) {
    var reader = JSONReader(bytes: bytes)
    guard let value = reader.value(depth: 64), reader.isAtEnd() else { return nil }
    self = value
  }

  /// Reads a file of at most 256 MiB.
  init(file path: String) throws {
    let mapped = try MappedFile(path: path)
    let node = withExtendedLifetime(mapped) {
      mapped.bytes.count < 1 << 28 ? JSONNode(mapped.bytes) : nil
    }
    guard let node else { throw InferenceError(.badFile, "expected JSON", path: path) }
    self = node
  }

  /// The same, or `nil` where there is no such file.
  static func ifPresent(file path: String) throws -> JSONNode? {
    FileStatus(path: path) == nil ? nil : try JSONNode(file: path)
  }

  subscript(_ key: String) -> JSONNode? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key.elementsEqual(key.utf8) }?.value
  }

  var int: Int? {
    if case .number(let value) = self { Int(exactly: value) } else { nil }
  }

  var double: Double? {
    if case .number(let value) = self { value } else { nil }
  }

  var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  var array: [JSONNode]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  var text: String? {
    if case .string(let bytes) = self { String(decoding: bytes, as: UTF8.self) } else { nil }
  }
}

private struct JSONReader {
  let bytes: UnsafeRawBufferPointer
  var at = 0

  private mutating func peek() -> UInt8? {
    while at < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
    return at < bytes.count ? bytes[at] : nil
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    at += 1
    return true
  }

  mutating func isAtEnd() -> Bool { peek() == nil }

  mutating func value(depth: Int) -> JSONNode? {
    guard depth > 0, let first = peek() else { return nil }
    switch first {
    case UInt8(ascii: "{"): return object(depth: depth - 1)
    case UInt8(ascii: "["): return array(depth: depth - 1)
    case UInt8(ascii: "\""): return string().map { .string($0) }
    case UInt8(ascii: "t"): return word("true") ? .bool(true) : nil
    case UInt8(ascii: "f"): return word("false") ? .bool(false) : nil
    case UInt8(ascii: "n"): return word("null") ? .null : nil
    default: return number()
    }
  }

  private mutating func object(depth: Int) -> JSONNode? {
    var members: [(key: [UInt8], value: JSONNode)] = []
    at += 1
    if take(UInt8(ascii: "}")) { return .object(members) }
    while true {
      guard peek() == UInt8(ascii: "\""), let key = string(), take(UInt8(ascii: ":")),
        let value = value(depth: depth)
      else { return nil }
      members.append((key, value))
      if take(UInt8(ascii: ",")) { continue }
      return take(UInt8(ascii: "}")) ? .object(members) : nil
    }
  }

  private mutating func array(depth: Int) -> JSONNode? {
    var elements: [JSONNode] = []
    at += 1
    if take(UInt8(ascii: "]")) { return .array(elements) }
    while true {
      guard let value = value(depth: depth) else { return nil }
      elements.append(value)
      if take(UInt8(ascii: ",")) { continue }
      return take(UInt8(ascii: "]")) ? .array(elements) : nil
    }
  }

  private mutating func word(_ text: StaticString) -> Bool {
    let end = at + text.utf8CodeUnitCount
    guard end <= bytes.count else { return false }
    for i in 0..<text.utf8CodeUnitCount where bytes[at + i] != text.utf8Start[i] { return false }
    at = end
    return true
  }

  private mutating func number() -> JSONNode? {
    let start = at
    while at < bytes.count, "+-.0123456789eE".utf8.contains(bytes[at]), at - start < 64 { at += 1 }
    return Double(String(decoding: bytes[start..<at], as: UTF8.self)).map { .number($0) }
  }

  private mutating func string() -> [UInt8]? {
    at += 1
    var text: [UInt8] = []
    while at < bytes.count {
      let byte = bytes[at]
      at += 1
      if byte == UInt8(ascii: "\"") { return text }
      guard byte == UInt8(ascii: "\\") else {
        text.append(byte)
        continue
      }
      guard at < bytes.count else { return nil }
      let escape = bytes[at]
      at += 1
      switch escape {
      case UInt8(ascii: "n"): text.append(0x0A)
      case UInt8(ascii: "t"): text.append(0x09)
      case UInt8(ascii: "r"): text.append(0x0D)
      case UInt8(ascii: "b"): text.append(0x08)
      case UInt8(ascii: "f"): text.append(0x0C)
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escape)
      case UInt8(ascii: "u"):
        guard let scalar = scalar() else { return nil }
        text.append(contentsOf: Array(String(Character(scalar)).utf8))
      default: return nil
      }
    }
    return nil
  }

  /// The code point of `\uXXXX`, with its second half; U+FFFD for half a pair.
  private mutating func scalar() -> Unicode.Scalar? {
    guard let high = unit() else { return nil }
    guard (0xD800..<0xDC00).contains(high) else { return Unicode.Scalar(high) ?? "\u{FFFD}" }
    guard at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"), bytes[at + 1] == UInt8(ascii: "u")
    else { return "\u{FFFD}" }
    let back = at
    at += 2
    guard let low = unit() else { return nil }
    guard (0xDC00..<0xE000).contains(low) else {
      at = back
      return "\u{FFFD}"
    }
    return Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
  }

  private mutating func unit() -> UInt32? {
    guard at + 4 <= bytes.count else { return nil }
    defer { at += 4 }
    return UInt32(String(decoding: bytes[at..<at + 4], as: UTF8.self), radix: 16)
  }
}
