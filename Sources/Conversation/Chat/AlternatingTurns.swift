/// One side's turn, for families that know only two sides and no system role.
struct Turn: Equatable {
  var byAssistant: Bool
  var text: String
}

/// Folds a conversation into strictly alternating turns: the system text in front of the first user
/// turn, neighbours of one side joined by an empty line, tool results spoken by the user.
/// Texts are trimmed, as the templates of these families trim them.
func alternatingTurns(_ messages: [Message]) -> [Turn] {
  var turns: [Turn] = []
  var system: [String] = []
  for message in messages {
    switch message.role {
    case .system, .developer:
      // Only what precedes the first turn is a preface; later instructions are said in place.
      if turns.isEmpty { system.append(message.content.trimmed) } else { add(message, by: false) }
    case .user, .tool: add(message, by: false)
    case .assistant: add(message, by: true)
    }
  }
  if !system.isEmpty {
    let preface = system.joined(separator: "\n\n")
    if let first = turns.first, !first.byAssistant {
      turns[0].text = preface + "\n\n" + first.text
    } else {
      turns.insert(Turn(byAssistant: false, text: preface), at: 0)
    }
  }
  return turns

  func add(_ message: Message, by assistant: Bool) {
    let text = message.content.trimmed
    if let last = turns.last, last.byAssistant == assistant {
      turns[turns.count - 1].text += "\n\n" + text
    } else {
      turns.append(Turn(byAssistant: assistant, text: text))
    }
  }
}

extension StringProtocol {
  /// Without white space at either end.
  var trimmed: String {
    let isSpace = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace }
    guard let first = unicodeScalars.firstIndex(where: { !isSpace($0) }),
      let last = unicodeScalars.lastIndex(where: { !isSpace($0) })
    else { return "" }
    return String(self[first..<unicodeScalars.index(after: last)])
  }
}
