import Conversation

/// Reads protocol messages: bytes nobody vouches for.
///
/// Strict JSON (`JSONParser`), UTF-8 only. Depth and number of values are limited, so that no message
/// can exhaust the stack or turn into many times its size in memory.
package enum JSONReader {
  package static let maximumDepth = 64
  package static let maximumValues = 200_000

  /// What is wrong, with the byte where it was seen.
  package struct Failure: Error, Equatable, CustomStringConvertible {
    package let message: String
    package let offset: Int
    package var description: String { "\(message) at byte \(offset)" }
  }

  package static func read(_ bytes: [UInt8]) throws(Failure) -> JSONValue {
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw Failure(message: "the text is not UTF-8", offset: 0)
    }
    let parsed: Conversation.JSONValue
    do {
      parsed = try JSONParser.parse(bytes, depth: maximumDepth, values: maximumValues)
    } catch {
      throw Failure(message: error.message, offset: error.offset ?? 0)
    }
    return try value(parsed)
  }

  private static func value(_ parsed: Conversation.JSONValue) throws(Failure) -> JSONValue {
    switch parsed {
    case .null: return .null
    case .bool(let value): return .bool(value)
    case .string(let value): return .string(value)
    case .number(let spelling):
      if let value = Int(spelling) { return .integer(value) }
      guard let value = Double(spelling), value.isFinite else {
        throw Failure(message: "the number \(spelling.prefix(32)) is out of range", offset: 0)
      }
      return .number(value)
    case .array(let elements):
      var values: [JSONValue] = []
      values.reserveCapacity(elements.count)
      for element in elements { values.append(try value(element)) }
      return .array(values)
    case .object(let list):
      var members: [String: JSONValue] = [:]
      for member in list { members[member.key] = try value(member.value) }
      return .object(members)
    }
  }
}
