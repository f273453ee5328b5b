import Tokenization

/// Gemma: `<start_of_turn>user⏎text<end_of_turn>⏎`; the assistant is called `model`.
///
/// There is no system role: its text opens the first user turn, as in Gemma's own template.
/// Neighbouring messages of one side are joined, because the turns must alternate.
struct GemmaFormat: ChatFormat {
  let family = ChatFamily.gemma
  let stopTokens: [TokenID]
  private let tokenizer: any Tokenizer
  private let start: TokenID
  private let end: TokenID
  private let stopStrings: [String]

  init(tokenizer: any Tokenizer, options: ChatOptions) throws(ConversationError) {
    self.tokenizer = tokenizer
    start = try tokenizer.required("<start_of_turn>")
    end = try tokenizer.required("<end_of_turn>")
    stopStrings = options.stopStrings
    stopTokens = unique([end] + tokenizer.present("<eos>") + [tokenizer.eos])
  }

  func render(_ messages: [Message]) -> [TokenID] {
    var prompt = PromptWriter(tokenizer)
    prompt.control(tokenizer.bos ?? tokenizer.id(named: "<bos>"))
    for turn in alternatingTurns(messages) {
      prompt.control(start)
      prompt.text((turn.byAssistant ? "model\n" : "user\n") + turn.text)
      prompt.control(end)
      prompt.text("\n")
    }
    prompt.control(start)
    prompt.text("model\n")
    return prompt.finish()
  }

  func makeDecoder() -> any ResponseDecoder {
    PlainDecoder(
      tokenizer: tokenizer, stopTokens: stopTokens, stopStrings: stopStrings, thinkTags: false)
  }
}
