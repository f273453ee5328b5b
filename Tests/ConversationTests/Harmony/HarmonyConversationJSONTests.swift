import Conversation
import Testing

@Suite("Harmony: conversations as JSON")
struct HarmonyConversationJSONTests {
  @Test("Content may be a string or a list; null and absent mean the same")
  func forms() throws {
    let a = try HarmonyConversationJSON.conversation(
      from: #"{"messages":[{"role":"user","content":"hi","name":null,"channel":null}]}"#)
    let b = try HarmonyConversationJSON.conversation(
      from: #"[{"role":"user","content":[{"type":"text","text":"hi"}]}]"#)
    #expect(a == b)
    #expect(a.messages == [HarmonyMessage(.user, content: [.text("hi")])])
  }

  @Test(
    "Says what is wrong and where",
    arguments: [
      (#"{"messages":1}"#, "messages"),
      (#"[1]"#, "messages[0]"),
      (#"[{"content":"x"}]"#, "messages[0].role"),
      (#"[{"role":"robot","content":"x"}]"#, "messages[0].role"),
      (#"[{"role":"tool","content":"x"}]"#, "messages[0].name"),
      (#"[{"role":"user"}]"#, "messages[0].content"),
      (#"[{"role":"user","content":[{"type":"image"}]}]"#, "messages[0].content[0].type"),
      (#"[{"role":"user","content":[{"type":"text"}]}]"#, "messages[0].content[0].text"),
      (#"[{"role":"user","content":[{"type":"system_content"}]}]"#, "messages[0].content[0]"),
      (
        #"[{"role":"system","content":[{"type":"system_content","reasoning_effort":"Huge"}]}]"#,
        "messages[0].content[0].reasoning_effort"
      ),
      (
        #"[{"role":"developer","content":[{"type":"developer_content","tools":{"f":{"name":"f","tools":[{}]}}}]}]"#,
        "messages[0].content[0].tools.f.tools[0].name"
      ),
    ])
  func errors(text: String, path: String) {
    #expect {
      try HarmonyConversationJSON.conversation(from: text)
    } throws: { error in
      let error = error as? ConversationError
      return error?.code == .malformedConversation && error?.subject == path
        && error?.description.hasPrefix(path + ": ") == true
    }
  }

  @Test("A decoded message is written in the reference's form")
  func writes() {
    let message = DecodedMessage(
      channel: "commentary", recipient: "functions.f", contentType: "json", text: "{}",
      disposition: .toolCall)
    #expect(
      message.json.compact
        == #"{"role":"assistant","name":null,"content":[{"type":"text","text":"{}"}],"#
        + #""channel":"commentary","recipient":"functions.f","content_type":"json"}"#)
  }
}
