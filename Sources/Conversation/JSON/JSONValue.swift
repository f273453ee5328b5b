/// A JSON value that keeps the order of an object's members and the spelling of its numbers.
///
/// Tool schemas are shown to the model in the order in which they were written, so a dictionary
/// would not do.
package indirect enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  /// The number as written, for example `1e3`.
  case number(String)
  case string(String)
  case array([JSONValue])
  case object([Member])

  package struct Member: Sendable, Equatable {
    package var key: String
    package var value: JSONValue

    package init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }
}

extension JSONValue {
  /// The member of that name; nil when there is none or this is no object.
  package subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.key == key }?.value
  }

  package var string: String? {
    if case .string(let value) = self { value } else { nil }
  }

  package var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  package var array: [JSONValue]? {
    if case .array(let value) = self { value } else { nil }
  }

  package var members: [Member]? {
    if case .object(let value) = self { value } else { nil }
  }

  package var isObject: Bool { members != nil }

  package var isNull: Bool { self == .null }
}

extension JSONValue {
  /// Compact JSON: no white space, members in order, only what must be escaped is escaped.
  package var compact: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .number(let spelling): Self.normalized(spelling)
    case .string(let value): Self.quoted(value)
    case .array(let values): "[" + values.map(\.compact).joined(separator: ",") + "]"
    case .object(let members):
      "{"
        + members.map { Self.quoted($0.key) + ":" + $0.value.compact }.joined(separator: ",")
        + "}"
    }
  }

  package static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\u{8}": out += "\\b"
      case "\u{C}": out += "\\f"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case "\u{0}"..<"\u{20}":
        let hex = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }

  /// A number as the reference prints it: integers of up to 64 bits as they are, everything else as
  /// the shortest decimal of the nearest double, with `.0` where it is whole and an exponent only
  /// beyond 16 digits before the point or 4 zeros after it.
  static func normalized(_ spelling: String) -> String {
    if Int64(spelling) != nil || UInt64(spelling) != nil {
      return spelling == "-0" ? "-0.0" : spelling
    }
    guard let value = Double(spelling), value.isFinite else { return spelling }
    if value == 0 { return value.sign == .minus ? "-0.0" : "0.0" }
    let (digits, exponent) = shortestDigits(of: value.magnitude)
    let sign = value < 0 ? "-" : ""
    // The value is 0.DIGITS × 10^point.
    let point = exponent
    let count = digits.count
    if point > 0, point <= 16 {
      if count <= point {
        return sign + digits + String(repeating: "0", count: point - count) + ".0"
      }
      return sign + digits.prefix(point) + "." + digits.dropFirst(point)
    }
    if point > -5, point <= 0 {
      return sign + "0." + String(repeating: "0", count: -point) + digits
    }
    let mantissa = count == 1 ? digits : digits.prefix(1) + "." + digits.dropFirst()
    return sign + mantissa + "e\(point - 1)"
  }

  /// The shortest digits that read back as `value`, and `point` with value = 0.digits × 10^point.
  private static func shortestDigits(of value: Double) -> (digits: String, point: Int) {
    let text = value.description
    let parts = text.split(separator: "e", omittingEmptySubsequences: false)
    let exponent = parts.count > 1 ? Int(parts[1].drop { $0 == "+" }) ?? 0 : 0
    let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    let whole = mantissa[0]
    let fraction = mantissa.count > 1 ? mantissa[1] : ""
    var digits = whole + fraction
    var point = whole.count + exponent
    while digits.first == "0" {
      digits.removeFirst()
      point -= 1
    }
    while digits.last == "0" { digits.removeLast() }
    return (String(digits), point)
  }
}
