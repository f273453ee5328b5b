import Conversation
import Testing
import Tokenization

/// What goes back into the prompt: past analysis, tool loops, and what a KV cache can keep.
@Suite("Harmony: history")
struct HarmonyHistoryTests {
  let stream: Stream
  let tool = ToolDefinition(name: "f", description: "Does it.")

  init() throws { stream = try Stream() }

  private func text(_ ids: [TokenID]) -> String {
    ids.map { stream.tokenizer.name(of: $0) }.joined()
  }

  private func format(tools: [ToolDefinition] = []) throws -> HarmonyFormat {
    try HarmonyFormat(tokenizer: stream.tokenizer, options: ChatOptions(tools: tools))
  }

  private let twoTurns = [
    Message(.user, "one"),
    Message(.assistant, "think one", channel: "analysis"),
    Message(.assistant, "B1", channel: "final"),
    Message(.user, "two"),
    Message(.assistant, "think two", channel: "analysis"),
    Message(.assistant, "B2", channel: "final"),
    Message(.user, "more"),
  ]

  @Test("Drops all past analysis, where the reference keeps what follows the first answer")
  func policy() throws {
    let ours = text(try format().render(twoTurns))
    #expect(!ours.contains("think"))
    #expect(ours.contains("<|start|>assistant<|channel|>final<|message|>B1<|end|>"))
    #expect(ours.hasSuffix("<|start|>user<|message|>more<|end|><|start|>assistant"))
    let conversation = HarmonyConversation(
      twoTurns.map { message in
        HarmonyMessage(
          message.role == .user ? .user : .assistant, channel: message.channel,
          content: [.text(message.content)])
      })
    let renderer = try HarmonyRenderer(tokenizer: stream.tokenizer)
    let reference = text(renderer.renderForCompletion(conversation, analysis: .reference))
    // The reference's quirk (test_keep_analysis_between_finals); docs/format.md says to drop it.
    #expect(!reference.contains("think one"))
    #expect(reference.contains("think two"))
    #expect(
      !text(renderer.renderForCompletion(conversation, analysis: .dropPast)).contains("think"))
    #expect(
      text(renderer.renderForCompletion(conversation, analysis: .keepAll)).contains("think one"))
  }

  @Test("An unfinished tool loop keeps its analysis, and its generated ids word for word")
  func toolLoop() throws {
    let format = try format(tools: [tool])
    let question = [Message(.system, "Hi"), Message(.user, "two")]
    let prompt = format.render(question)
    // The recipient stands behind the channel, where the renderer would write it in front.
    let generated = stream.ids(
      "<C>analysis<M>think<E><S>assistant<C>commentary to=functions.f <K>json<M>{}<X>")
    var decoder = format.makeHarmonyDecoder()
    var events = decoder.feed(batch: generated).events
    events += decoder.finish(.endOfTurn)
    #expect(events.last == .end(.toolCall))
    let history = decoder.result.history(generated: generated)
    #expect(history.map(\.channel) == ["analysis", "commentary"])
    let next = format.render(question + history + [.toolResult(of: "functions.f", "42")])
    #expect(Array(next.prefix(prompt.count)) == prompt)
    #expect(Array(next[prompt.count...].prefix(generated.count)) == generated)
    #expect(
      text(Array(next[(prompt.count + generated.count)...]))
        == "<|start|>functions.f to=assistant<|channel|>commentary<|message|>42<|end|><|start|>assistant"
    )
    // The whole loop so far is reused from the cache.
    #expect(
      PrefixReuse.boundary(prompt: prompt, generated: generated, next: next)
        == prompt.count + generated.count)
  }

  @Test("Once the answer is final the loop is rendered without its thoughts")
  func finishedLoop() throws {
    let format = try format(tools: [tool])
    let generated = stream.ids(
      "<C>analysis<M>think<E><S>assistant<C>commentary to=functions.f <K>json<M>{}<X>")
    var decoder = format.makeHarmonyDecoder()
    _ = decoder.feed(batch: generated)
    _ = decoder.finish(.endOfTurn)
    let messages =
      [Message(.user, "two")] + decoder.result.history(generated: generated) + [
        .toolResult(of: "functions.f", "42"), Message(.assistant, "B", channel: "final"),
        Message(.user, "more"),
      ]
    let rendered = text(format.render(messages))
    #expect(!rendered.contains("think"))
    #expect(
      rendered.contains(
        "<|start|>assistant to=functions.f<|channel|>commentary <|constrain|>json<|message|>{}<|call|>"
      ))
  }

  @Test("An answer goes into history as it was shown, without refused calls")
  func repairedHistory() {
    let out = stream.decode("<C>commentary to=browser.search<M>{}<E><S>assistant<C>final<M>B<R>")
    #expect(out.result.history(generated: []) == [Message(.assistant, "B", channel: "final")])
    let unknown = stream.decode("<C>thoughts<M>x<E>")
    #expect(unknown.result.history(generated: []).map(\.channel) == ["final"])
  }

  @Test("History ends with <|end|>, and the next turn agrees up to the answer's channel")
  func reuse() throws {
    let format = try format()
    let question = [Message(.user, "one")]
    let prompt = format.render(question)
    let generated = stream.ids("<C>analysis<M>think<E><S>assistant<C>final<M>B<R>")
    var decoder = format.makeHarmonyDecoder()
    _ = decoder.feed(batch: generated)
    _ = decoder.finish(.endOfTurn)
    let next = format.render(
      question + decoder.result.history(generated: generated) + [Message(.user, "two")])
    #expect(!next.contains(stream.tokens.return))
    // `<|start|>assistant<|channel|>` is common; then history has `final`, the cache `analysis`.
    #expect(
      PrefixReuse.boundary(prompt: prompt, generated: generated, next: next) == prompt.count + 1)
  }

  @Test("The common prefix ends at the first difference, in the prompt or behind it")
  func boundary() {
    #expect(PrefixReuse.boundary(prompt: [1, 2, 3], generated: [4, 5], next: [1, 2, 9]) == 2)
    #expect(PrefixReuse.boundary(prompt: [1, 2], generated: [4, 5], next: [1, 2, 4, 6]) == 3)
    #expect(PrefixReuse.boundary(prompt: [1, 2], generated: [4, 5], next: [1, 2, 4, 5, 6]) == 4)
    #expect(PrefixReuse.boundary(prompt: [1, 2], generated: [4], next: [1]) == 1)
    #expect(PrefixReuse.boundary(prompt: [], generated: [], next: [1]) == 0)
  }

  @Test("A session that keeps the stop token to itself gets the same answer")
  func stopTokenNotFed() {
    let call = stream.decode("<C>commentary to=functions.f<M>{}", reason: .toolCall)
    #expect(call.calls.map(\.name) == ["f"])
    let answer = stream.decode("<C>final<M>B", reason: .endOfTurn)
    #expect(answer.answer == "B")
    #expect(answer.stop == .endOfTurn)
  }

  @Test("Sampling stops at <|return|>, <|call|> and <|endoftext|>, not at <|end|>")
  func stops() throws {
    #expect(try format().stopTokens == [200_002, 200_012, 199_999])
  }
}
