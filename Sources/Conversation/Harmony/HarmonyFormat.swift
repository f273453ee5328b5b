import Tokenization

/// Harmony, the format of gpt-oss, behind the interface of the other families.
///
/// What others call the system prompt is Harmony's developer message; the system message is the
/// standard one with effort, date and channels. Functions are declared in the developer message.
package struct HarmonyFormat: ChatFormat {
  package let family = ChatFamily.harmony
  package let stopTokens: [TokenID]
  private let tokenizer: any Tokenizer
  private let renderer: HarmonyRenderer
  private let options: ChatOptions

  package init(tokenizer: any Tokenizer, options: ChatOptions) throws(ConversationError) {
    self.tokenizer = tokenizer
    self.options = options
    renderer = try HarmonyRenderer(tokenizer: tokenizer)
    stopTokens = renderer.tokens.samplingStops
  }

  /// Past analysis is dropped once its answer is final or a new question came; in an unfinished
  /// tool loop everything is kept, and the ids the model wrote are used as they are.
  package func render(_ messages: [Message]) -> [TokenID] {
    let (conversation, spans) = conversation(from: messages)
    let kept = HarmonyRenderer.kept(conversation.messages, under: .dropPast)
    let turnStart =
      conversation.messages.lastIndex { $0.channel == "final" || $0.author == .user } ?? -1
    let functions = conversation.hasFunctionTools
    var ids: [TokenID] = []
    var index = 0
    while index < conversation.messages.count {
      if index > turnStart, let span = spans[index], span.messageCount > 0 {
        renderer.openAssistant(into: &ids)
        ids += callEnding(span.ids)
        index += span.messageCount
        continue
      }
      if kept[index] {
        renderer.render(conversation.messages[index], hasFunctionTools: functions, into: &ids)
      }
      index += 1
    }
    renderer.openAssistant(into: &ids)
    return ids
  }

  /// A tool call in history ends with `<|call|>`, whatever boundary the model wrote (H40) or the
  /// session kept to itself.
  private func callEnding(_ ids: [TokenID]) -> [TokenID] {
    let tokens = renderer.tokens
    let boundaries = [tokens.end, tokens.call, tokens.return]
    let body = ids.last.map(boundaries.contains) == true ? ids.dropLast() : ids[...]
    return body + [tokens.call]
  }

  package func makeDecoder() -> any ResponseDecoder { makeHarmonyDecoder() }

  /// The decoder with its own type, for callers that want its `result`.
  package func makeHarmonyDecoder() -> HarmonyDecoder {
    HarmonyDecoder(
      tokenizer: tokenizer, tokens: renderer.tokens,
      offered: .named(Set(options.tools.map(\.name))))
  }

  /// The messages as Harmony sees them, and the generated ids by message index.
  private func conversation(
    from messages: [Message]
  ) -> (HarmonyConversation, [Int: GeneratedSpan]) {
    var instructions: [String] = []
    var turns: [HarmonyMessage] = []
    var spans: [Int: GeneratedSpan] = [:]
    for message in messages {
      let content = [HarmonyContent.text(message.content)]
      switch message.role {
      case .system, .developer: instructions.append(message.content)
      case .user: turns.append(HarmonyMessage(.user, content: content))
      case .tool(let name):
        turns.append(
          HarmonyMessage(
            .tool, name: name, recipient: message.recipient ?? "assistant",
            channel: message.channel ?? "commentary", content: content))
      case .assistant:
        if let span = message.generated { spans[turns.count] = span }
        turns.append(
          HarmonyMessage(
            .assistant, recipient: message.recipient, channel: message.channel ?? "final",
            contentType: message.contentType, content: content))
      }
    }
    var preface = [
      HarmonyMessage(
        .system,
        content: [.system(.standard(effort: options.effort, date: options.date))])
    ]
    if !instructions.isEmpty || !options.tools.isEmpty {
      let developer = HarmonyDeveloperContent(
        instructions: instructions.isEmpty ? nil : instructions.joined(separator: "\n\n"),
        tools: options.tools.isEmpty ? [:] : ["functions": .functions(options.tools)])
      preface.append(HarmonyMessage(.developer, content: [.developer(developer)]))
    }
    let shifted = Dictionary(uniqueKeysWithValues: spans.map { ($0 + preface.count, $1) })
    return (HarmonyConversation(preface + turns), shifted)
  }
}
