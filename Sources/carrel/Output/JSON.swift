/// A JSON value with its members in a fixed order, and how it is written: one line, numbers as short
/// as they read back, what is no number as null.
package indirect enum JSON: Sendable, Equatable {
  case object([(String, JSON)])
  case array([JSON])
  case string(String)
  case integer(Int)
  case number(Double)
  case single(Float)
  case bool(Bool)
  case null
  /// A document that is written already.
  case written(String)

  package static func optional(_ value: Int?) -> JSON { value.map { .integer($0) } ?? .null }
  package static func optional(_ value: String?) -> JSON { value.map { .string($0) } ?? .null }
  package static func optional(_ value: Double?) -> JSON { value.map { .number($0) } ?? .null }

  package static func == (left: JSON, right: JSON) -> Bool { left.text == right.text }

  /// The document on one line, without a line break at its end.
  package var text: String {
    var output = ""
    write(to: &output)
    return output
  }

  private func write(to output: inout String) {
    switch self {
    case .object(let members):
      output += "{"
      for (index, member) in members.enumerated() {
        if index > 0 { output += "," }
        Self.quote(member.0, to: &output)
        output += ":"
        member.1.write(to: &output)
      }
      output += "}"
    case .array(let values):
      output += "["
      for (index, value) in values.enumerated() {
        if index > 0 { output += "," }
        value.write(to: &output)
      }
      output += "]"
    case .string(let text): Self.quote(text, to: &output)
    case .integer(let value): output += String(value)
    case .number(let value): output += value.isFinite ? Self.plain(value.description) : "null"
    case .single(let value): output += value.isFinite ? Self.plain(value.description) : "null"
    case .bool(let value): output += value ? "true" : "false"
    case .null: output += "null"
    case .written(let text): output += text
    }
  }

  /// `3.0` as `3`: the same number, as others write it.
  private static func plain(_ text: String) -> String {
    text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  private static func quote(_ text: String, to output: inout String) {
    output += "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": output += "\\\""
      case "\\": output += "\\\\"
      case "\n": output += "\\n"
      case "\r": output += "\\r"
      case "\t": output += "\\t"
      default:
        // U+2028 and U+2029 end lines for some readers of JSON lines; C1 controls drive terminals.
        let value = scalar.value
        if value < 0x20 || (0x7F...0x9F).contains(value) || value == 0x2028 || value == 0x2029 {
          let digits = String(value, radix: 16)
          output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          output.unicodeScalars.append(scalar)
        }
      }
    }
    output += "\""
  }
}
