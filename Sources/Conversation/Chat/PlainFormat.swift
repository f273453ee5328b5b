import Tokenization

/// For base models, which know no chat format: labelled paragraphs that a model trained on ordinary
/// text goes on with. The answer ends where the model begins another question.
struct PlainFormat: ChatFormat {
  let family = ChatFamily.plain
  let stopTokens: [TokenID]
  private let tokenizer: any Tokenizer
  private let stopStrings: [String]

  init(tokenizer: any Tokenizer, options: ChatOptions) {
    self.tokenizer = tokenizer
    stopTokens = unique([tokenizer.eos])
    stopStrings = options.stopStrings + ["\nQuestion:"]
  }

  func render(_ messages: [Message]) -> [TokenID] {
    var prompt = PromptWriter(tokenizer)
    if tokenizer.addsBOS { prompt.control(tokenizer.bos) }
    for message in messages {
      switch message.role {
      case .system, .developer: prompt.text("\(message.content.trimmed)\n\n")
      case .user: prompt.text("Question: \(message.content.trimmed)\n")
      case .tool: prompt.text("\(message.content.trimmed)\n")
      case .assistant: prompt.text("Answer: \(message.content.trimmed)\n\n")
      }
    }
    prompt.text("Answer:")
    return prompt.finish()
  }

  func makeDecoder() -> any ResponseDecoder {
    PlainDecoder(
      tokenizer: tokenizer, stopTokens: stopTokens, stopStrings: stopStrings, thinkTags: false,
      dropsLeadingSpace: true)
  }
}
