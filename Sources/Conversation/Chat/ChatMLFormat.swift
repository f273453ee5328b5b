import Tokenization

/// ChatML: `<|im_start|>role⏎text<|im_end|>⏎`, as SmolLM2, Qwen and many others use it.
///
/// A template that names a system message of its own uses it when none is given (SmolLM2, Qwen 2.5);
/// we do not: what the model is told is the caller's business, and our callers always say it.
/// Tool results go in as the user, the way Qwen writes them.
struct ChatMLFormat: ChatFormat {
  let family = ChatFamily.chatML
  let stopTokens: [TokenID]
  private let tokenizer: any Tokenizer
  private let start: TokenID
  private let end: TokenID
  private let beginsWithBOS: Bool
  private let thinkTags: Bool
  /// Qwen 3 is told not to think by an empty thought in front of its answer.
  private let emptyThought: Bool
  private let stopStrings: [String]

  init(
    tokenizer: any Tokenizer, template: String, options: ChatOptions
  ) throws(ConversationError) {
    self.tokenizer = tokenizer
    start = try tokenizer.required("<|im_start|>")
    end = try tokenizer.required("<|im_end|>")
    beginsWithBOS = tokenizer.addsBOS || template.contains("bos_token")
    thinkTags = template.contains("<think>") || tokenizer.id(named: "<think>") != nil
    emptyThought = !options.thinks && template.contains("enable_thinking")
    stopStrings = options.stopStrings
    stopTokens = unique([end] + tokenizer.present("<|endoftext|>") + [tokenizer.eos])
  }

  func render(_ messages: [Message]) -> [TokenID] {
    var prompt = PromptWriter(tokenizer)
    if beginsWithBOS { prompt.control(tokenizer.bos) }
    for message in messages {
      prompt.control(start)
      switch message.role {
      case .system, .developer: prompt.text("system\n\(message.content)")
      case .user: prompt.text("user\n\(message.content)")
      case .assistant: prompt.text("assistant\n\(message.content)")
      case .tool:
        prompt.text("user\n<tool_response>\n\(message.content)\n</tool_response>")
      }
      prompt.control(end)
      prompt.text("\n")
    }
    prompt.control(start)
    prompt.text("assistant\n")
    if emptyThought {
      // `<think>` is one token of its own where the vocabulary has it.
      prompt.control(nil)
      if let open = tokenizer.id(named: "<think>"), let close = tokenizer.id(named: "</think>") {
        prompt.control(open)
        prompt.text("\n\n")
        prompt.control(close)
        prompt.text("\n\n")
      } else {
        prompt.text("<think>\n\n</think>\n\n")
      }
    }
    return prompt.finish()
  }

  func makeDecoder() -> any ResponseDecoder {
    PlainDecoder(
      tokenizer: tokenizer, stopTokens: stopTokens, stopStrings: stopStrings,
      thinkTags: thinkTags && !emptyThought)
  }
}

/// The ids that are there, each once, in order.
func unique(_ ids: [TokenID?]) -> [TokenID] {
  var seen: [TokenID] = []
  for case let id? in ids where !seen.contains(id) { seen.append(id) }
  return seen
}
