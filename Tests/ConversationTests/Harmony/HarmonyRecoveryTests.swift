import Conversation
import Testing
import Tokenization

/// The table of malformed streams, rows H1 to H20: headers. See HarmonyRecovery.md in the documentation.
@Suite("Harmony recovery: headers")
struct HarmonyHeaderRecoveryTests {
  let stream: Stream

  init() throws { stream = try Stream() }

  @Test("H1: a thought and an answer")
  func h1() {
    let out = stream.decode("<C>analysis<M>A<E><S>assistant<C>final<M>B<R>")
    #expect(out.thinking == "A")
    #expect(out.answer == "B")
    #expect(out.stop == .endOfTurn)
    #expect(out.result.recoveries.isEmpty)
    #expect(out.notices.isEmpty)
  }

  @Test("H2: an answer without a thought")
  func h2() {
    let out = stream.decode("<C>final<M>B<R>")
    #expect(out.answer == "B")
    #expect(out.thinking.isEmpty)
    #expect(out.result.recoveries.isEmpty)
  }

  @Test("H3: without a channel it is the answer")
  func h3() {
    let out = stream.decode("<M>Hi<R>")
    #expect(out.answer == "Hi")
    #expect(out.messages.map(\.channel) == [nil])
    #expect(out.count(.missingChannel) == 1)
  }

  @Test("H4: bare text is the answer, at a boundary and after too many tokens")
  func h4() {
    let out = stream.decode("Hello world<R>")
    #expect(out.answer == "Hello world")
    #expect(out.count(.bareText) == 1)
    // A long bare text begins to stream before any boundary comes.
    var decoder = HarmonyDecoder(tokenizer: stream.tokenizer, tokens: stream.tokens)
    var shown = ""
    for id in stream.ids(String(repeating: "more text ", count: 40)) {
      for case .text(let piece) in decoder.feed(id) { shown += piece }
    }
    #expect(shown.hasPrefix("more text more text"))
  }

  @Test("H5: bare text cut by the token limit is kept")
  func h5() {
    let out = stream.decode("Hello world", reason: .maximumTokens)
    #expect(out.answer == "Hello world")
    #expect(out.stop == .maximumTokens)
  }

  @Test("H6: text behind a channel without <|message|> is the body, also at the end")
  func h6() {
    for text in ["<C>final Hello there<R>", "<C>final Hello there"] {
      let out = stream.decode(text)
      #expect(out.answer == "Hello there")
      #expect(out.messages.map(\.channel) == ["final"])
      #expect(out.count(.missingMessage) == 1)
    }
    let thought = stream.decode("<C>analysis We need to think<E><S>assistant<C>final<M>B<R>")
    #expect(thought.thinking == "We need to think")
    #expect(thought.answer == "B")
  }

  @Test("H7: a body glued to the channel's name is kept")
  func h7() {
    let out = stream.decode(#"<C>final{"a":1}<R>"#)
    #expect(out.answer == #"{"a":1}"#)
    #expect(out.messages.map(\.channel) == ["final"])
    #expect(out.count(.gluedChannel) == 1)
    let call = stream.decode(#"<C>commentary to=functions.f <K>json{"a":1}<X>"#)
    #expect(call.calls.map(\.arguments) == [#"{"a":1}"#])
  }

  @Test("H8: half a header gives a notice and no text")
  func h8() {
    let out = stream.decode("<C>fin")
    #expect(out.answer.isEmpty)
    #expect(out.thinking.isEmpty)
    #expect(out.messages.isEmpty)
    #expect(out.count(.stoppedInHeader) == 1)
    #expect(out.notices == ["The model stopped in the header of a message; there is no answer."])
    let later = stream.decode("<C>final<M>B<C>anal")
    #expect(later.answer == "B")
    #expect(later.count(.stoppedInHeader) == 1)
  }

  @Test("H9: half an answer is kept")
  func h9() {
    let out = stream.decode("<C>final<M>Half")
    #expect(out.answer == "Half")
    #expect(out.stop == .maximumTokens)
  }

  @Test("H10: a recipient in front of the channel makes a tool call")
  func h10() {
    let out = stream.decode(" to=functions.f<C>commentary json<M>{}<X>")
    #expect(out.calls == [ToolCall(name: "f", recipient: "functions.f", arguments: "{}")])
    #expect(out.messages.map(\.contentType) == ["json"])
    #expect(out.stop == .toolCall)
  }

  @Test("H11: a recipient behind the channel makes a tool call")
  func h11() {
    let out = stream.decode("<C>commentary to=functions.f <K>json<M>{}<X>")
    #expect(out.calls.map(\.name) == ["f"])
    #expect(out.messages.map(\.contentType) == ["<|constrain|>json"])
    #expect(out.result.recoveries.isEmpty)
  }

  @Test("H12: the same without a space before <|constrain|>")
  func h12() {
    let out = stream.decode("<C>commentary to=functions.f<K>json<M>{}<X>")
    #expect(out.calls.map(\.recipient) == ["functions.f"])
    #expect(out.messages.map(\.contentType) == ["<|constrain|>json"])
  }

  @Test("H13: of two recipients the later one counts")
  func h13() {
    let out = stream.decode(" to=functions.a<C>commentary to=functions.b<M>{}<X>")
    #expect(out.calls.map(\.name) == ["b"])
    #expect(out.count(.doubleRecipient) == 1)
  }

  @Test("H14: a call to a tool that was not offered ends the turn with a notice")
  func h14() {
    let out = stream.decode("<C>analysis to=browser.search code<M>{\"query\":\"x\"}<X>")
    #expect(out.calls.isEmpty)
    #expect(out.answer.isEmpty && out.thinking.isEmpty && out.commentary.isEmpty)
    #expect(
      out.notices == [
        "The model called browser.search, which was not offered; the call was left out."
      ])
    #expect(out.messages.map(\.recipient) == ["browser.search"])
    #expect(out.stop == .endOfTurn)
  }

  @Test("H15: a call on the analysis channel needs <|call|> and a declared tool")
  func h15() {
    let call = stream.decode(#"<C>analysis to=functions.f code<M>{"a":1}<X>"#)
    #expect(call.calls.map(\.arguments) == [#"{"a":1}"#])
    let unfinished = stream.decode(
      #"<C>analysis to=functions.f code<M>{"a":1}<E><S>assistant<C>final<M>B<R>"#)
    #expect(unfinished.calls.isEmpty)
    #expect(unfinished.answer == "B")
    #expect(unfinished.count(.unfinishedAnalysisCall) == 1)
    let unknown = stream.decode(#"<C>analysis to=functions.tool code<M>{"a":1}<X>"#)
    #expect(unknown.calls.isEmpty)
    #expect(unknown.answer.isEmpty && unknown.thinking.isEmpty)
  }

  @Test("H16: a preamble is shown to the user")
  func h16() {
    let out = stream.decode(
      "<C>commentary<M>Plan:<E><S>assistant<C>commentary to=functions.f <K>json<M>{}<X>")
    #expect(out.commentary == "Plan:")
    #expect(out.result.visible == "Plan:")
    #expect(out.calls.count == 1)
  }

  @Test("H17: a bare word on the answer's channel is its content type")
  func h17() {
    let out = stream.decode(#"<C>final json<M>{"a":1}<R>"#)
    #expect(out.answer == #"{"a":1}"#)
    #expect(out.messages.map(\.recipient) == [nil])
    #expect(out.messages.map(\.contentType) == ["json"])
  }

  @Test("H18: a constrained answer is an answer")
  func h18() {
    let out = stream.decode(#"<C>final <K>json<M>{"a":1}<R>"#)
    #expect(out.answer == #"{"a":1}"#)
    #expect(out.messages.map(\.recipient) == [nil])
    #expect(out.messages.map(\.contentType) == ["<|constrain|>json"])
    #expect(out.calls.isEmpty)
  }

  @Test("H19: JSON for nobody is an orphan call and hidden; prose is a preamble")
  func h19() {
    let orphan = stream.decode("<C>commentary <K>json<M>{}<X>")
    #expect(orphan.calls.isEmpty)
    #expect(orphan.commentary.isEmpty && orphan.answer.isEmpty)
    #expect(orphan.count(.orphanCall) == 1)
    #expect(orphan.notices.count == 1)
    #expect(orphan.messages.map(\.recipient) == [nil])
    let prose = stream.decode("<C>commentary <K>json<M>Plan: look<E>")
    #expect(prose.commentary == "Plan: look")
    let braces = stream.decode("<C>commentary <K>json<M>{ Plan<E>")
    #expect(braces.commentary == "{ Plan")
  }

  @Test("H20: a content type without a recipient is no recipient", arguments: ["json", "code"])
  func h20(type: String) {
    let out = stream.decode("<C>commentary \(type)<M>{}<E>")
    #expect(out.messages.map(\.recipient) == [nil])
    #expect(out.messages.map(\.contentType) == [type])
    #expect(out.commentary.isEmpty)
    #expect(out.count(.orphanCall) == 1)
  }

  @Test("H21: a content type glued to a declared name is cut off")
  func h21() {
    let out = stream.decode("<C>commentary to=functions.shelljson<M>{}<X>")
    #expect(out.calls == [ToolCall(name: "shell", recipient: "functions.shell", arguments: "{}")])
    #expect(out.count(.gluedToolName) == 1)
    let declared = stream.decode(
      "<C>commentary to=functions.shelljson<M>{}<X>", offered: .named(["shell", "shelljson"]))
    #expect(declared.calls.map(\.name) == ["shelljson"])
  }

  @Test("H22: an unknown channel is thinking, unless nothing else can be shown")
  func h22() {
    let hidden = stream.decode("<C>thoughts<M>x<E><S>assistant<C>final<M>B<R>")
    #expect(hidden.answer == "B")
    #expect(hidden.thinking == "x")
    #expect(hidden.count(.unknownChannel) == 1)
    #expect(hidden.messages.map(\.channel) == ["thoughts", "final"])
    let alone = stream.decode("<C>thoughts<M>x<E>")
    #expect(alone.answer == "x")
    #expect(alone.thinking.isEmpty)
    #expect(alone.notices == ["The model answered on a channel of its own making; shown as it is."])
  }

  @Test("H23: what is glued to a known channel is stripped")
  func h23() {
    let known = stream.decode("<C>commentary?<M>x<E>")
    #expect(known.commentary == "x")
    #expect(known.messages.map(\.channel) == ["commentary"])
    #expect(known.count(.gluedChannel) == 1)
    let unknown = stream.decode("<C>??<M>x<E>")
    #expect(unknown.answer == "x")
    #expect(unknown.notices.count == 1)
  }

  @Test("H24: the case of letters does not matter")
  func h24() {
    let out = stream.decode("<C>Final<M>B<R>")
    #expect(out.answer == "B")
    #expect(out.messages.map(\.channel) == ["final"])
    #expect(out.count(.channelCase) == 1)
  }

  @Test("H25: an empty channel is an unknown one, space in front of a name is dropped")
  func h25() {
    let empty = stream.decode("<C><M>x<E><S>assistant<C>final<M>B<R>")
    #expect(empty.thinking == "x")
    #expect(empty.answer == "B")
    #expect(empty.count(.emptyChannel) == 1)
    let spaced = stream.decode("<C> analysis<M>x<E><S>assistant<C>final<M>B<R>")
    #expect(spaced.thinking == "x")
    #expect(spaced.messages.first?.channel == "analysis")
    #expect(stream.decode("<C><M>x<E>").answer == "x")
  }

  @Test("H26: free text in a header is thinking")
  func h26() {
    let out = stream.decode("<C> We need to think<M>x<E><S>assistant<C>final<M>B<R>")
    #expect(out.answer == "B")
    #expect(out.thinking == "We need to think\nx")
    #expect(out.count(.strayHeaderText) == 1)
    let alone = stream.decode("<C>We need to think<M>x<E>")
    #expect(alone.thinking == "We need to think")
    #expect(alone.answer == "x")
    let known = stream.decode("<C>analysis We think<M>x<E><S>assistant<C>final<M>B<R>")
    #expect(known.thinking == "We think\nx")
    #expect(known.answer == "B")
  }
}
