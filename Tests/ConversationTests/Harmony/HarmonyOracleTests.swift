import Conversation
import Testing
import Tokenization

/// Thousands of random cases against openai-harmony 0.0.8: `Fixtures/harmony/make_oracle.py` writes
/// them, `CARREL_HARMONY_ORACLE` names the folder, `CARREL_O200K` the vocabulary.
@Suite(
  "Harmony: equal to the reference on random cases",
  .enabled(
    if: Fixture.environment("CARREL_HARMONY_ORACLE") != nil
      && Fixture.environment("CARREL_O200K") != nil))
struct HarmonyOracleTests {
  @Test("Renders random conversations to the reference's ids")
  func renders() throws {
    let folder = try #require(Fixture.environment("CARREL_HARMONY_ORACLE"))
    let renderer = try HarmonyRenderer(tokenizer: WholeVocabulary.tokenizer())
    var equal = 0
    let cases = try Fixture.lines(atPath: folder + "/render.jsonl")
    for (index, item) in cases.enumerated() {
      let json = try #require(item["conversation"]).compact
      let conversation = try HarmonyConversationJSON.conversation(from: json)
      let ids = renderer.renderForCompletion(conversation, analysis: .reference)
      #expect(ids == item["ids"]?.ids, "line \(index + 1)")
      if ids == item["ids"]?.ids { equal += 1 }
    }
    print("harmony render: \(equal) of \(cases.count) equal")
  }

  @Test("Decodes random well-formed streams to the reference's messages")
  func decodes() throws {
    let folder = try #require(Fixture.environment("CARREL_HARMONY_ORACLE"))
    let tokenizer = try WholeVocabulary.tokenizer()
    let tokens = try HarmonyControlTokens(tokenizer)
    var equal = 0
    let cases = try Fixture.lines(atPath: folder + "/stream.jsonl")
    for (index, item) in cases.enumerated() {
      let (_, result) = HarmonyDecoder.decode(
        try #require(item["ids"]).ids, tokenizer: tokenizer, tokens: tokens)
      let expected = (item["messages"]?.array ?? []).map(DecodedMessage.init(reference:))
      let messages = result.messages.map(\.withoutDisposition)
      // Bytes, because equal strings may differ in normalization.
      let isEqual =
        messages == expected
        && zip(messages, expected).allSatisfy { $0.text.utf8.elementsEqual($1.text.utf8) }
      #expect(isEqual, "line \(index + 1)")
      if isEqual { equal += 1 }
    }
    print("harmony stream: \(equal) of \(cases.count) equal")
  }
}
