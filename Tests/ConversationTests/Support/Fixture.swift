import Conversation
import Foundation
import Testing

/// Files of the Fixtures folder and of folders named by environment variables.
enum Fixture {
  static func json(_ path: String) throws -> JSONValue {
    let url = try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/\(path)")
    return try JSONParser.parse(String(decoding: try Data(contentsOf: url), as: UTF8.self))
  }

  static func cases(_ path: String) throws -> [JSONValue] {
    try #require(json(path)["cases"]?.array)
  }

  static func environment(_ name: String) -> String? {
    ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
  }

  static func bytes(atPath path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  }

  static func lines(atPath path: String) throws -> [JSONValue] {
    try String(decoding: bytes(atPath: path), as: UTF8.self)
      .split(separator: "\n").map { try JSONParser.parse(String($0)) }
  }
}

extension JSONValue {
  var integer: Int? {
    if case .number(let text) = self { Int(text) } else { nil }
  }

  var ids: [Int32] { (array ?? []).compactMap { $0.integer.map(Int32.init) } }
}
