import CarrelKit
import Testing

@Suite("A small model hands a question over")
struct HandOverTests {
  static let call = """
    <tool_call>{"name": "gptoss.generate", "arguments": {"prompt": "Write a sort.", \
    "task_type": "code", "temperature": 0.5, "max_tokens": 300}}</tool_call>
    """

  /// Feeds pieces of at most `size` characters.
  private func read(_ text: String, size: Int) -> (text: String, call: HandOver?) {
    var reader = HandOverReader()
    var shown = ""
    var call: HandOver?
    var rest = text[...]
    while !rest.isEmpty {
      let (piece, found) = reader.feed(String(rest.prefix(size)))
      rest = rest.dropFirst(size)
      shown += piece
      call = call ?? found
    }
    let (piece, found) = reader.finish()
    return (shown + piece, call ?? found)
  }

  @Test("A call is read whole, however it is cut, and shows nothing", arguments: 1...40)
  func call(size: Int) {
    let (shown, call) = read("\n" + Self.call, size: size)
    #expect(shown.isEmpty)
    #expect(call?.prompt == "Write a sort.")
    #expect(call?.taskType == "code")
    #expect(call?.temperature == 0.5)
    #expect(call?.maximumTokens == 300)
  }

  @Test("A call that the answer's end cuts short counts if its JSON is whole")
  func unclosed() {
    #expect(read(String(Self.call.dropLast(12)), size: 3).call?.prompt == "Write a sort.")
  }

  @Test(
    "Text that is no call comes out unchanged",
    arguments: [
      "The answer is 4.", "", "  <", "<tool", "<tool_call>", "<tool_call>not json</tool_call> x",
      #"<tool_call>{"name": "other", "arguments": {"prompt": "x"}}</tool_call>"#,
      #"<tool_call>{"name": "gptoss.generate", "arguments": {}}</tool_call>"#,
      "Say <tool_call> to call.",
    ])
  func ordinary(text: String) {
    for size in 1...8 {
      let (shown, call) = read(text, size: size)
      #expect(call == nil)
      // White space before a call's mark is no part of an answer.
      #expect(
        shown.drop(while: \.isWhitespace) == text.drop(while: \.isWhitespace), "size \(size)")
    }
  }
}
