import AgentProtocols
import Foundation
import Testing

@Suite("JSON of the protocols")
struct JSONTests {
  private func read(_ text: String) throws -> JSONValue { try JSONReader.read(Array(text.utf8)) }

  @Test("Reads what RFC 8259 shows")
  func examples() throws {
    let value = try read(
      #" { "Image": { "Width": 800, "Title": "View\n\u00e9\ud83d\ude00", "Animated" : false, "IDs": [116, -9.5e1, null] } } "#
    )
    #expect(
      value == [
        "Image": [
          "Width": 800, "Title": "View\né😀", "Animated": false,
          "IDs": .array([116, .number(-95), .null]),
        ]
      ])
  }

  @Test(
    "Refuses what is not JSON",
    arguments: [
      "", " ", "{", "}", "[1,]", "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "01", "1.", ".5", "+1", "1e",
      "--1", "nul", "truee", "\"", "\"\u{1}\"", "\"\\x\"", "\"\\u12g4\"", "[1] 2", "'a'", "NaN",
      "1e999", "[", "[[]", "{\"a\":}", "/* */ 1", "\u{FEFF}1",
    ])
  func malformed(text: String) {
    #expect(throws: JSONReader.Failure.self) { try read(text) }
  }

  @Test("Refuses bytes that are not UTF-8, and lone surrogates become U+FFFD")
  func encoding() throws {
    for bytes: [UInt8] in [
      [0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
    ] {
      #expect(throws: JSONReader.Failure.self) { try JSONReader.read(bytes) }
    }
    #expect(try read(#""\ud800""#) == "\u{FFFD}")
    #expect(try read(#""\ud800\u0041""#) == "\u{FFFD}A")
  }

  @Test("Depth and number of values are limited")
  func limits() throws {
    let deep = JSONReader.maximumDepth
    _ = try read(String(repeating: "[", count: deep) + String(repeating: "]", count: deep))
    for depth in [deep + 1, 1_000_000] {
      let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
      #expect(throws: JSONReader.Failure.self) { try read(text) }
    }
    let many = String(repeating: "0,", count: JSONReader.maximumValues)
    #expect(throws: JSONReader.Failure.self) { try read("[" + many + "0]") }
    #expect(try read("[" + String(repeating: "0,", count: 1000) + "0]").array?.count == 1001)
  }

  @Test("Of a repeated name the last counts; whole numbers beyond 64 bits are numbers")
  func details() throws {
    #expect(try read(#"{"a":1,"a":2}"#) == ["a": 2])
    #expect(try read("9223372036854775807") == .integer(.max))
    #expect(try read("9223372036854775808") == .number(9223372036854775808))
    #expect(try read("3.0").integer == 3 && read("3.5").integer == nil)
    #expect(try read("1e300").integer == nil)
  }

  @Test("What is written has one line, and Foundation reads the same from it")
  func writing() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<300 {
      let value = Self.random(depth: 4, &random)
      let bytes = value.bytes
      #expect(!bytes.contains(0x0A) && !bytes.contains(0x0D))
      #expect(try JSONReader.read(bytes) == value)
      let theirs = try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
      let back = try JSONSerialization.data(
        withJSONObject: theirs, options: [.fragmentsAllowed, .sortedKeys])
      #expect(Self.isSame(try JSONReader.read(Array(back)), value))
    }
    #expect(JSONValue.number(.infinity).text == "null")
    #expect(JSONValue.string("\u{7F}\u{1F}\"\\/").text == #""\u007f\u001f\"\\/""#)
  }

  /// Foundation writes 2.0 as 2.
  private static func isSame(_ a: JSONValue, _ b: JSONValue) -> Bool {
    switch (a, b) {
    case (.array(let a), .array(let b)): a.count == b.count && zip(a, b).allSatisfy(isSame)
    case (.object(let a), .object(let b)):
      a.keys == b.keys && a.allSatisfy { isSame($1, b[$0] ?? .null) }
    case (.integer(let a), .number(let b)): Double(a) == b
    default: a == b
    }
  }

  static func random(depth: Int, _ random: inout some RandomNumberGenerator) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 7 : 5), using: &random) {
    case 0: return .null
    case 1: return .bool(.random(using: &random))
    case 2: return .integer(.random(in: .min ... .max, using: &random))
    case 3: return .number(Double.random(in: -1e6...1e6, using: &random))
    case 4: return .string(text(&random))
    case 5:
      return .array(
        (0..<Int.random(in: 0..<4, using: &random)).map { _ in
          Self.random(depth: depth - 1, &random)
        }
      )
    default:
      var members: [String: JSONValue] = [:]
      for _ in 0..<Int.random(in: 0..<4, using: &random) {
        members[text(&random)] = Self.random(depth: depth - 1, &random)
      }
      return .object(members)
    }
  }

  static func text(_ random: inout some RandomNumberGenerator) -> String {
    let pieces = [
      "a", "é", "😀", "\"", "\\", "\n", "\r", "\u{2028}", "\0", "\u{7F}", "/", "sessionId", "x y",
      "§",
    ]
    return (0..<Int.random(in: 0..<6, using: &random)).map { _ in
      pieces.randomElement(using: &random) ?? ""
    }.joined()
  }
}
