import Tokenization

/// Collects the ids of a prompt. Control tokens are written by id; text always goes through
/// `encode(.asText)`, so that nothing in a text can become a control token.
///
/// Text between two control tokens is encoded in one piece, because that is how the families'
/// templates, rendered to one string, are tokenized.
struct PromptWriter {
  let tokenizer: any Tokenizer
  private(set) var ids: [TokenID] = []
  private var pending = ""

  init(_ tokenizer: any Tokenizer) {
    self.tokenizer = tokenizer
  }

  mutating func control(_ id: TokenID?) {
    flush()
    if let id { ids.append(id) }
  }

  mutating func text(_ text: String) {
    pending += text
  }

  /// The ids so far; text written later is encoded on its own.
  mutating func finish() -> [TokenID] {
    flush()
    return ids
  }

  private mutating func flush() {
    guard !pending.isEmpty else { return }
    ids += tokenizer.encode(pending, special: .asText)
    pending = ""
  }
}
