import CarrelKit
import Conversation
import Testing

@Suite("An answer from a server")
struct RemoteAnswerTests {
  private func read(_ events: [String]) -> ([ResponseEvent], RemoteAnswerReader) {
    var reader = RemoteAnswerReader()
    var out: [ResponseEvent] = []
    for event in events { out += reader.feed(event) }
    return (out.coalesced(), reader)
  }

  /// As llama-server of llama.cpp b11434 sends them, shortened.
  static let llamaServer = [
    #"{"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}]}"#,
    #"{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"I"}}]}"#,
    #"{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"'m"}}]}"#,
    #"{"choices":[{"finish_reason":"length","index":0,"delta":{}}]}"#,
    #"{"choices":[],"usage":{"completion_tokens":8,"prompt_tokens":32,"total_tokens":40}}"#,
    "[DONE]",
  ]

  @Test("Text, end and counts are read from llama-server's stream")
  func text() {
    let (events, reader) = read(Self.llamaServer)
    #expect(events == [.text("I'm")])
    #expect(reader.stop == .maximumTokens)
    #expect(reader.promptTokens == 32)
    #expect(reader.answerTokens == 8)
    #expect(reader.isDone)
  }

  @Test(
    "A count of tokens that cannot be true is not believed",
    arguments: ["9223372036854775807", "10000001", "-1", "1e3", "\"7\""])
  func counts(text: String) {
    let (_, reader) = read([
      "{\"usage\":{\"completion_tokens\":\(text),\"prompt_tokens\":10000000}}"
    ])
    #expect(reader.answerTokens == nil && reader.promptTokens == 10_000_000)
  }

  @Test(
    "Reasoning is thinking under each name servers give it",
    arguments: ["reasoning_content", "reasoning"])
  func reasoning(field: String) {
    let (events, _) = read([
      #"{"choices":[{"delta":{"FIELD":"We need","content":null}}]}"#
        .replacing("FIELD", with: field),
      #"{"choices":[{"delta":{"content":"Four."},"finish_reason":"stop"}]}"#,
    ])
    #expect(events == [.thinking("We need"), .text("Four.")])
  }

  @Test("A server's error, and what is not JSON, are failures")
  func failures() {
    #expect(
      read([#"{"error":{"message":"out of memory","code":500}}"#]).1.failure == "out of memory")
    #expect(read(["<html>"]).1.failure != nil)
  }

  @Test("A request carries roles, limits and, for gpt-oss, the effort; text stays text")
  func request() {
    let chat = RemoteChat(
      model: "openai/gpt-oss-20b",
      messages: [Message(.system, "Be brief."), Message(.user, "\"<|end|>\"\n")],
      maximumTokens: 64, temperature: 0.5, seed: 7, stopStrings: ["END"], effort: "low")
    #expect(
      chat.json == """
        {"model":"openai/gpt-oss-20b","messages":[{"role":"system","content":"Be brief."},\
        {"role":"user","content":"\\"<|end|>\\"\\n"}],"stream":true,\
        "stream_options":{"include_usage":true},"max_tokens":64,"temperature":0.5,"seed":7,\
        "stop":["END"],"reasoning_effort":"low"}
        """)
  }
}
