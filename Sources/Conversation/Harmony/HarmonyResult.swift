import Tokenization

/// What became of a decoded message.
package enum HarmonyDisposition: String, Sendable {
  /// Shown as the answer.
  case answer
  /// Shown as a preamble.
  case commentary
  /// The model's reasoning.
  case thinking
  /// A call that was accepted.
  case toolCall = "tool_call"
  /// Not shown: a call that was refused, or what looked like one.
  case hidden
}

/// One message of a generation, with the fields the reference parser gives it.
package struct DecodedMessage: Sendable, Equatable {
  package var channel: String?
  package var recipient: String?
  package var contentType: String?
  package var text: String
  package var disposition: HarmonyDisposition

  package init(
    channel: String? = nil, recipient: String? = nil, contentType: String? = nil, text: String,
    disposition: HarmonyDisposition
  ) {
    self.channel = channel
    self.recipient = recipient
    self.contentType = contentType
    self.text = text
    self.disposition = disposition
  }
}

/// Where the bytes of the ordinary tokens went: each byte is counted in exactly one field.
package struct HarmonyByteCounts: Sendable, Equatable {
  /// Roles, channels, recipients, content types and the white space among them.
  package var header = 0
  package var answer = 0
  package var commentary = 0
  package var thinking = 0
  package var toolArguments = 0
  /// Left out: refused calls, text around and behind messages, words without meaning.
  package var discarded = 0

  package var total: Int {
    header + answer + commentary + thinking + toolArguments + discarded
  }
}

/// Everything one generation came to.
package struct HarmonyResult: Sendable, Equatable {
  package var messages: [DecodedMessage] = []
  package var notices: [String] = []
  package var recoveries: [HarmonyRecovery: Int] = [:]
  package var bytes = HarmonyByteCounts()
  /// Control tokens that had no business where they stood.
  package var droppedControlTokens = 0
  /// Set by `finish`.
  package var stop: StopReason?

  /// What the user sees: preambles and answers in the order in which they were shown, a newline
  /// between two messages.
  package var visible = ""

  /// The answer alone.
  package var answer: String {
    messages.filter { $0.disposition == .answer }
      .map(\.text).filter { !$0.isEmpty }.joined(separator: "\n")
  }

  /// The generation as history keeps it: repaired, refused calls left out. `generated` are the ids
  /// the decoder was fed; they are kept when they can stand for the messages word for word, which
  /// is when nothing had to be repaired and the model waits for a tool.
  package func history(generated ids: [TokenID]) -> [Message] {
    var messages = messages.compactMap { message -> Message? in
      switch message.disposition {
      case .answer: return Message(.assistant, message.text, channel: "final")
      case .commentary: return Message(.assistant, message.text, channel: "commentary")
      case .thinking: return Message(.assistant, message.text, channel: "analysis")
      case .toolCall:
        return Message(
          .assistant, message.text, channel: message.channel ?? "commentary",
          recipient: message.recipient, contentType: message.contentType)
      case .hidden: return nil
      }
    }
    if stop == .toolCall, recoveries.isEmpty, !messages.isEmpty {
      messages[0].generated = GeneratedSpan(ids: ids, messageCount: messages.count)
    }
    return messages
  }
}
