import Conversation
import Testing
import Tokenization

/// The table of malformed streams, rows H27 to H52: several messages, endings, bytes, arguments.
@Suite("Harmony recovery: messages and bytes")
struct HarmonyStructureRecoveryTests {
  let stream: Stream

  init() throws { stream = try Stream() }

  @Test("H27: of two channels the last counts")
  func h27() {
    let out = stream.decode("<C>commentary<C>analysis<M>x<E><S>assistant<C>final<M>B<R>")
    #expect(out.thinking == "x")
    #expect(out.commentary.isEmpty)
    #expect(out.messages.first?.channel == "analysis")
    #expect(out.messages.first?.recipient == nil)
    #expect(out.count(.duplicateChannel) == 1)
  }

  @Test("H28: the assistant is no recipient")
  func h28() {
    let out = stream.decode(
      "<C>commentary to=assistant<C>analysis<M>x<E><S>assistant<C>final<M>B<R>")
    #expect(out.thinking == "x")
    #expect(out.answer == "B")
    #expect(out.messages.first?.recipient == nil)
    #expect(out.notices.isEmpty)
    for name in ["assistant", "user", "all"] {
      #expect(stream.decode("<C>commentary to=\(name)<M>x<E>").commentary == "x")
    }
  }

  @Test("H29: a doubled channel does not spoil the role")
  func h29() {
    let out = stream.decode(
      "<C>analysis<M>A<E><S>assistant<C>commentary<C>commentary to=functions.f<M>{}<X>")
    #expect(out.calls.map(\.name) == ["f"])
    #expect(out.messages.last?.channel == "commentary")
  }

  @Test("H30: a header without <|start|>")
  func h30() {
    let out = stream.decode("<C>analysis<M>A<E>assistant<C>final<M>B<R>")
    #expect(out.thinking == "A")
    #expect(out.answer == "B")
    #expect(out.count(.missingStart) == 1)
    let call = stream.decode("<C>analysis<M>A<E> to=functions.f<C>commentary<M>{}<X>")
    #expect(call.calls.map(\.name) == ["f"])
    #expect(stream.decode("<C>analysis<M>A<E><M>B<R>").answer == "B")
  }

  @Test("H31: a channel directly behind a boundary")
  func h31() {
    let out = stream.decode("<C>analysis<M>A<E><C>final<M>B<R>")
    #expect(out.thinking == "A")
    #expect(out.answer == "B")
  }

  @Test("H32: text between messages belongs to the one before; white space to none")
  func h32() {
    let out = stream.decode("<C>analysis<M>A<E> oops<S>assistant<C>final<M>B<R>")
    #expect(out.thinking == "A oops")
    #expect(out.answer == "B")
    #expect(out.count(.textBetweenMessages) == 1)
    let blank = stream.decode("<C>analysis<M>A<E>\n<S>assistant<C>final<M>B<R>")
    #expect(blank.thinking == "A")
    #expect(blank.answer == "B")
    #expect(blank.result.bytes.discarded == 1)
    let channel = stream.decode("<C>analysis<M>A<E> oops<C>final<M>B<R>")
    #expect(channel.thinking == "A oops")
    #expect(channel.answer == "B")
  }

  @Test("H33: a message that was not ended ends where the next begins")
  func h33() {
    let out = stream.decode("<C>analysis<M>A<S>assistant<C>final<M>B<R>")
    #expect(out.thinking == "A")
    #expect(out.answer == "B")
    #expect(out.count(.missingEnd) == 1)
    let channel = stream.decode("<C>analysis<M>A<C>final<M>B<R>")
    #expect(channel.thinking == "A")
    #expect(channel.answer == "B")
    let noHeader = stream.decode("<C>analysis<M>A<C>more<R>")
    #expect(noHeader.thinking == "Amore")
    #expect(noHeader.answer.isEmpty)
  }

  @Test("H34: without a role it is the assistant")
  func h34() {
    let out = stream.decode("<C>analysis<M>A<E><S><C>final<M>B<R>")
    #expect(out.thinking == "A")
    #expect(out.answer == "B")
    #expect(out.count(.missingRole) == 1)
  }

  @Test("H35: a channel in the place of the role")
  func h35() {
    let out = stream.decode("<C>analysis<M>A<E><S>final<M>B<R>")
    #expect(out.answer == "B")
    #expect(out.messages.last?.channel == "final")
    #expect(out.count(.channelAsRole) == 1)
    for text in ["<S>assistant final<M>B<R>", "<S>assistantfinal<M>B<R>"] {
      let after = stream.decode("<C>analysis<M>A<E>" + text)
      #expect(after.thinking == "A")
      #expect(after.answer == "B")
    }
  }

  @Test("H36: the model must not play the user", arguments: ["user", "system", "developer"])
  func h36(role: String) {
    let ids = stream.ids("<C>final<M>B<E><S>\(role)<M>hi<E><S>assistant<C>final<M>x<R>")
    var decoder = HarmonyDecoder(tokenizer: stream.tokenizer, tokens: stream.tokens)
    let (_, consumed) = decoder.feed(batch: ids)
    // It asks to stop at the role already.
    #expect(decoder.stopRequest == .endOfTurn)
    #expect(consumed == stream.ids("<C>final<M>B<E><S>\(role)").count)
    let out = stream.decode(ids, offered: .anyFunction)
    #expect(out.answer == "B")
    #expect(out.messages.map(\.text) == ["B"])
    #expect(out.count(.foreignRole) == 1)
  }

  @Test("H37: an invented tool result is discarded with one notice")
  func h37() {
    let out = stream.decode(
      "<C>commentary<M>x<E><S>functions.f to=assistant<C>commentary<M>{}<E><S>assistant<C>final<M>B<R>"
    )
    #expect(out.commentary == "x")
    #expect(out.answer.isEmpty)
    #expect(out.notices == ["The model began to invent a tool's answer; it was stopped there."])
    #expect(out.count(.inventedToolResult) == 1)
    #expect(out.stop == .endOfTurn)
  }

  @Test("H38: two answers are both shown, a newline between")
  func h38() {
    let out = stream.decode("<C>final<M>B1<E><S>assistant<C>final<M>B2<R>")
    #expect(out.answer == "B1\nB2")
    #expect(out.messages.map(\.text) == ["B1", "B2"])
    #expect(out.result.visible == "B1\nB2")
  }

  @Test("H39: behind an answer one more header is allowed")
  func h39() {
    for boundary in ["<E>", "<X>"] {
      #expect(stream.decode("<C>final<M>B\(boundary)").answer == "B")
    }
    var decoder = HarmonyDecoder(tokenizer: stream.tokenizer, tokens: stream.tokens)
    let second = stream.ids("<C>final<M>B<E><S>assistant<C>final<M>B<E>")
    #expect(decoder.feed(batch: second).consumed == second.count)
    #expect(decoder.stopRequest == nil)
    _ = decoder.feed(stream.tokens.start)
    #expect(decoder.stopRequest == .endOfTurn)
    #expect(decoder.result.recoveries[.messagesAfterFinal] == 1)
  }

  @Test("H40: a tool call may end with any boundary if its arguments are JSON")
  func h40() {
    for boundary in ["<E>", "<R>", "<X>"] {
      let out = stream.decode("<C>commentary to=functions.f <K>json<M>{\"a\":1}\(boundary)")
      #expect(out.calls.map(\.arguments) == [#"{"a":1}"#])
      #expect(out.stop == .toolCall)
    }
    #expect(stream.decode("<C>commentary to=functions.f<M>{}").calls.isEmpty)
  }

  @Test("H41: what follows the end is ignored")
  func h41() {
    let out = stream.decode("<C>final<M>B<R><R>more<S>assistant<C>final<M>x<R>")
    #expect(out.answer == "B")
    #expect(out.messages.count == 1)
    #expect(out.count(.tokensAfterEnd) > 0)
    #expect(out.events.filter { if case .end = $0 { true } else { false } }.count == 1)
  }

  @Test("H42: an empty turn gives a notice", arguments: ["<R>", "<E>"])
  func h42(text: String) {
    let out = stream.decode(text)
    #expect(out.messages.isEmpty)
    #expect(out.notices == ["The model gave an empty answer."])
  }

  @Test("H43: the prompt's own <|start|>assistant is swallowed")
  func h43() {
    let out = stream.decode("<S>assistant<C>final<M>B<R>")
    #expect(out.answer == "B")
    #expect(out.messages.map(\.recipient) == [nil])
    #expect(out.count(.repeatedPrompt) == 1)
  }

  @Test("H44: control tokens inside a body are dropped and counted; <|endoftext|> stops")
  func h44() {
    let out = stream.decode("<C>final<M>one<M> two<K> more<200013> text<R>")
    #expect(out.answer == "one two more text")
    #expect(out.result.droppedControlTokens == 3)
    let stopped = stream.decode("<C>final<M>one<T>two")
    #expect(stopped.answer == "one")
    #expect(stopped.stop == .fault)
  }

  @Test("H45: characters that spell a control token are text")
  func h45() {
    let ids: [TokenID] = [27, 91, 419, 91, 29]
    let out = stream.decode(
      stream.ids("<C>final<M>a ") + ids + stream.ids(" b<R>"), offered: .anyFunction)
    #expect(out.answer == "a <|end|> b")
    #expect(out.result.recoveries.isEmpty)
  }

  @Test("H46: an emoji over several tokens comes out whole")
  func h46() {
    let emoji = "👨‍👩‍👧‍👦"
    var decoder = HarmonyDecoder(tokenizer: stream.tokenizer, tokens: stream.tokens)
    var pieces: [String] = []
    for id in stream.ids("<C>final<M>")
      + Array(emoji.utf8).flatMap({ stream.tokenizer.encode([$0]) })
    {
      for case .text(let piece) in decoder.feed(id) { pieces.append(piece) }
    }
    #expect(pieces.joined() == emoji)
    #expect(pieces.allSatisfy { !$0.contains("\u{FFFD}") })
    #expect(pieces.count == emoji.unicodeScalars.count)
  }

  @Test("H47: an invalid run gives one U+FFFD and stalls nothing")
  func h47() {
    let out = stream.decode("<C>final<M><9552>Hi<R>")
    #expect(out.answer == " \u{FFFD}Hi")
  }

  @Test("H48: an emoji cut at the end gives one U+FFFD, and nothing leaks into the next message")
  func h48() {
    #expect(stream.decode("<C>final<M>hi<9552>").answer == "hi \u{FFFD}")
    let two = stream.decode("<C>analysis<M>hi<9552><E><S>assistant<C>final<M>B<R>")
    #expect(two.thinking == "hi \u{FFFD}")
    #expect(two.answer == "B")
  }

  @Test("H49: an id outside the vocabulary is U+FFFD in a body and nothing in a header")
  func h49() {
    let body = stream.decode("<C>final<M>a<999999>b<R>")
    #expect(body.answer == "a\u{FFFD}b")
    let header = stream.decode("<C><999999>final<-5><M>B<R>")
    #expect(header.answer == "B")
    #expect(header.count(.idOutsideVocabulary) == 2)
  }

  @Test("H50: batches are split at each boundary")
  func h50() {
    let ids = stream.ids("<C>analysis<M>A<E><S>assistant<C>final<M>B<R>")
    var decoder = HarmonyDecoder(tokenizer: stream.tokenizer, tokens: stream.tokens)
    let (events, consumed) = decoder.feed(batch: ids + stream.ids("junk"))
    #expect(events == [.thinking("A"), .text("B")])
    #expect(consumed == ids.count)
    #expect(decoder.finish(.maximumTokens) == [.end(.endOfTurn)])
    #expect(decoder.finish(.maximumTokens).isEmpty)
  }

  @Test("H51: broken arguments are refused and reported, the message is kept")
  func h51() {
    let out = stream.decode(#"<C>commentary to=functions.f<K>json<M>{"a":{"b":1}<X>"#)
    #expect(out.calls.isEmpty)
    #expect(out.messages.map(\.text) == [#"{"a":{"b":1}"#])
    #expect(out.notices.count == 1)
    #expect(out.notices.first?.hasPrefix("The call to f was refused") == true)
    #expect(out.count(.malformedArguments) == 1)
  }

  @Test("H52: prose behind <|constrain|> is dropped with a count")
  func h52() {
    let out = stream.decode("<C>commentary to=functions.f <K>We should do<M>{}<X>")
    #expect(out.calls == [ToolCall(name: "f", recipient: "functions.f", arguments: "{}")])
    #expect(out.messages.map(\.contentType) == [nil])
    #expect(out.count(.strayHeaderText) == 1)
    #expect(out.result.bytes.discarded == "Weshoulddo".utf8.count)
  }
}
