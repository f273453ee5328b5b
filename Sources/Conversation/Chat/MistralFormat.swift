import Tokenization

/// Mistral: `[INST] question [/INST] answer</s>`.
///
/// The generations differ in small ways that the template shows: whether the markers are control
/// tokens, whether they are set off by spaces, and whether there is a `[SYSTEM_PROMPT]`. Without
/// the latter, the system text opens the first question, where it stays put from turn to turn.
struct MistralFormat: ChatFormat {
  let family = ChatFamily.mistral
  let stopTokens: [TokenID]
  private let tokenizer: any Tokenizer
  private let spaceAfterOpen: Bool
  private let spaceBeforeClose: Bool
  private let spaceBeforeAnswer: Bool
  private let systemMarkers: (open: TokenID, close: TokenID)?
  private let stopStrings: [String]

  init(tokenizer: any Tokenizer, template: String, options: ChatOptions) {
    self.tokenizer = tokenizer
    spaceAfterOpen = template.contains("[INST] ")
    spaceBeforeClose = template.contains(" [/INST]")
    spaceBeforeAnswer =
      template.contains("' ' + message") || template.contains("\" \" + message")
      || template.contains("[/INST] ")
    if let open = tokenizer.id(named: "[SYSTEM_PROMPT]"),
      let close = tokenizer.id(named: "[/SYSTEM_PROMPT]"), template.contains("[SYSTEM_PROMPT]")
    {
      systemMarkers = (open, close)
    } else {
      systemMarkers = nil
    }
    stopStrings = options.stopStrings
    stopTokens = unique([tokenizer.eos] + tokenizer.present("</s>"))
  }

  func render(_ messages: [Message]) -> [TokenID] {
    var prompt = PromptWriter(tokenizer)
    prompt.control(tokenizer.bos ?? tokenizer.id(named: "<s>"))
    var messages = messages[...]
    if let systemMarkers, let first = messages.first, first.role == .system {
      prompt.control(systemMarkers.open)
      prompt.text((spaceAfterOpen ? " " : "") + first.content)
      prompt.control(systemMarkers.close)
      messages = messages.dropFirst()
    }
    for turn in alternatingTurns(Array(messages)) {
      if turn.byAssistant {
        prompt.text((spaceBeforeAnswer ? " " : "") + turn.text)
        prompt.control(tokenizer.eos ?? tokenizer.id(named: "</s>"))
      } else {
        marker("[INST]", in: &prompt)
        prompt.text(
          (spaceAfterOpen ? " " : "") + turn.text + (spaceBeforeClose ? " " : ""))
        marker("[/INST]", in: &prompt)
      }
    }
    return prompt.finish()
  }

  func makeDecoder() -> any ResponseDecoder {
    PlainDecoder(
      tokenizer: tokenizer, stopTokens: stopTokens, stopStrings: stopStrings, thinkTags: false,
      dropsLeadingSpace: true)
  }

  /// A control token where the vocabulary has it, else the same letters as text.
  private func marker(_ name: String, in prompt: inout PromptWriter) {
    if let id = tokenizer.id(named: name) { prompt.control(id) } else { prompt.text(name) }
  }
}
