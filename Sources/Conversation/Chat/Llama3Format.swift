import Tokenization

/// Llama 3: `<|start_header_id|>role<|end_header_id|>⏎⏎text<|eot_id|>`.
///
/// The templates of 3.1 and later open the system message with two date lines; we do so when the
/// template does.
struct Llama3Format: ChatFormat {
  let family = ChatFamily.llama3
  let stopTokens: [TokenID]
  private let tokenizer: any Tokenizer
  private let startHeader: TokenID
  private let endHeader: TokenID
  private let endOfTurn: TokenID
  private let dateLines: String?
  private let beginsWithBOS: Bool
  private let stopStrings: [String]

  init(
    tokenizer: any Tokenizer, template: String, options: ChatOptions
  ) throws(ConversationError) {
    self.tokenizer = tokenizer
    startHeader = try tokenizer.required("<|start_header_id|>")
    endHeader = try tokenizer.required("<|end_header_id|>")
    endOfTurn = try tokenizer.required("<|eot_id|>")
    beginsWithBOS =
      tokenizer.addsBOS || template.contains("bos_token") || template.contains("<|begin_of_text|>")
    if template.contains("Cutting Knowledge Date: December 2023") {
      let today = options.date.flatMap(Self.longDate) ?? "26 Jul 2024"
      dateLines = "Cutting Knowledge Date: December 2023\nToday Date: \(today)\n\n"
    } else {
      dateLines = nil
    }
    stopStrings = options.stopStrings
    stopTokens = unique(
      [endOfTurn] + tokenizer.present("<|eom_id|>", "<|end_of_text|>") + [tokenizer.eos])
  }

  func render(_ messages: [Message]) -> [TokenID] {
    var prompt = PromptWriter(tokenizer)
    if beginsWithBOS { prompt.control(tokenizer.bos ?? tokenizer.id(named: "<|begin_of_text|>")) }
    var rest = messages[...]
    if let dateLines {
      // These templates always write a system message, even an empty one.
      var system = ""
      if let first = rest.first, first.role == .system || first.role == .developer {
        system = first.content.trimmed
        rest = rest.dropFirst()
      }
      write("system", dateLines + system, to: &prompt)
    }
    for message in rest {
      let role =
        switch message.role {
        case .system, .developer: "system"
        case .user: "user"
        case .assistant: "assistant"
        case .tool: "ipython"
        }
      write(role, message.content.trimmed, to: &prompt)
    }
    prompt.control(startHeader)
    prompt.text("assistant")
    prompt.control(endHeader)
    prompt.text("\n\n")
    return prompt.finish()
  }

  func makeDecoder() -> any ResponseDecoder {
    PlainDecoder(
      tokenizer: tokenizer, stopTokens: stopTokens, stopStrings: stopStrings, thinkTags: false)
  }

  private func write(_ role: String, _ text: String, to prompt: inout PromptWriter) {
    prompt.control(startHeader)
    prompt.text(role)
    prompt.control(endHeader)
    prompt.text("\n\n" + text)
    prompt.control(endOfTurn)
  }

  /// `2025-06-28` as `28 Jun 2025`; nil for anything else.
  static func longDate(_ date: String) -> String? {
    let parts = date.split(separator: "-")
    let months = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    guard parts.count == 3, let month = Int(parts[1]), (1...12).contains(month) else { return nil }
    return "\(parts[2]) \(months[month - 1]) \(parts[0])"
  }
}
