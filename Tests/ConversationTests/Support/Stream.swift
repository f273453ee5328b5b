import Conversation
import Testing
import Tokenization

/// Token streams written as text: `<S> <M> <C> <E> <R> <X> <K>` are the control tokens of
/// reference and table, `<T>` is `<|endoftext|>`, `<123>` is an id, everything else is text.
struct Stream {
  let tokenizer: CutHarmonyTokenizer
  let tokens: HarmonyControlTokens

  init() throws {
    tokenizer = try CutHarmonyTokenizer.shared.get()
    tokens = try HarmonyControlTokens(tokenizer)
  }

  func ids(_ text: String) -> [TokenID] {
    var ids: [TokenID] = []
    var rest = text[...]
    var plain = ""
    func flush() {
      ids += tokenizer.encode(plain)
      plain = ""
    }
    while let character = rest.first {
      if character == "<", let end = rest.firstIndex(of: ">"),
        let id = control(rest[rest.index(after: rest.startIndex)..<end])
      {
        flush()
        ids.append(id)
        rest = rest[rest.index(after: end)...]
      } else {
        plain.append(character)
        rest.removeFirst()
      }
    }
    flush()
    return ids
  }

  private func control(_ name: Substring) -> TokenID? {
    switch name {
    case "S": tokens.start
    case "M": tokens.message
    case "C": tokens.channel
    case "E": tokens.end
    case "R": tokens.return
    case "X": tokens.call
    case "K": tokens.constrain
    case "T": tokens.endOfText
    default: TokenID(name)
    }
  }

  func decode(
    _ text: String, offered: OfferedTools = .named(["f", "a", "b", "shell", "search_documents"]),
    reason: StopReason = .maximumTokens
  ) -> Outcome {
    decode(ids(text), offered: offered, reason: reason)
  }

  func decode(
    _ ids: [TokenID], offered: OfferedTools, reason: StopReason = .maximumTokens
  ) -> Outcome {
    let (events, result) = HarmonyDecoder.decode(
      ids, tokenizer: tokenizer, tokens: tokens, offered: offered, reason: reason)
    return Outcome(events: events, result: result)
  }
}

/// What a stream came to, in the words of the table.
struct Outcome {
  let events: [ResponseEvent]
  let result: HarmonyResult

  var answer: String { events.map { if case .text(let text) = $0 { text } else { "" } }.joined() }
  var thinking: String {
    events.map { if case .thinking(let text) = $0 { text } else { "" } }.joined()
  }
  var commentary: String {
    events.map { if case .commentary(let text) = $0 { text } else { "" } }.joined()
  }
  var calls: [ToolCall] {
    events.compactMap { if case .toolCall(let call) = $0 { call } else { nil } }
  }
  var notices: [String] {
    events.compactMap { if case .notice(let text) = $0 { text } else { nil } }
  }
  var stop: StopReason? {
    if case .end(let reason)? = events.last { reason } else { nil }
  }
  var messages: [DecodedMessage] { result.messages }

  func count(_ recovery: HarmonyRecovery) -> Int { result.recoveries[recovery] ?? 0 }
}
