extension HarmonyOutput {
  /// Ends the open message. True when the session should stop: the call was made or refused.
  mutating func close(_ ending: Ending) -> Bool {
    guard let sink else { return false }
    emit(utf8.finish())
    defer { self.sink = nil }
    let index = result.messages.count - 1
    let text = result.messages[index].text
    switch self.sink ?? sink {
    case .answer: result.bytes.answer += bodyCount
    case .commentary: result.bytes.commentary += bodyCount
    case .thinking: result.bytes.thinking += bodyCount
    case .undecided:
      if hasVisibleText {
        result.bytes.thinking += bodyCount
        show(text, of: index)
      } else if undecided.last?.message == index {
        undecided[undecided.count - 1].bytes += bodyCount
      } else {
        undecided.append((index, bodyCount))
      }
    case .maybeOrphan: closeOrphan(index, text)
    case .undeclared(let recipient):
      hide(index)
      count(.undeclaredTool)
      notice("The model called \(recipient), which was not offered; the call was left out.")
      return true
    case .toolCall(let name, let needsCall):
      return closeToolCall(index, name: name, needsCall: needsCall, ending)
    }
    return false
  }

  mutating func hide(_ index: Int) {
    result.messages[index].disposition = .hidden
    result.bytes.discarded += bodyCount
  }

  /// H19, H20: a body that is nothing but JSON was meant for a tool, but names none.
  mutating func closeOrphan(_ index: Int, _ text: String) {
    if text.isBlank || (try? JSONParser.parse(text)) != nil {
      hide(index)
      count(.orphanCall)
      notice("The model wrote a tool call that names no tool; it was left out.")
    } else {
      result.bytes.commentary += bodyCount
      show(text, of: index)
    }
  }

  /// H15, H40, H51.
  mutating func closeToolCall(
    _ index: Int, name: String, needsCall: Bool, _ ending: Ending
  ) -> Bool {
    let message = result.messages[index]
    if ending == .cut {
      hide(index)
      notice("The model was stopped inside a call to \(name); the call was left out.")
      return false
    }
    if needsCall, ending != .call {
      hide(index)
      count(.unfinishedAnalysisCall)
      return false
    }
    do {
      guard try JSONParser.parse(message.text).isObject else {
        throw ConversationError(.malformedJSON, "expected an object")
      }
    } catch {
      hide(index)
      count(.malformedArguments)
      notice("The call to \(name) was refused: its arguments are no JSON object: \(error).")
      return true
    }
    result.messages[index].disposition = .toolCall
    result.bytes.toolArguments += bodyCount
    hasToolCall = true
    settleUndecided(asAnswer: false)
    events.append(
      .toolCall(
        ToolCall(
          name: name, recipient: message.recipient ?? "functions.\(name)",
          arguments: message.text)))
    return true
  }

  /// Ends the stream: shows what only now turns out to be the answer, and says so when there is
  /// nothing to show.
  mutating func finish(_ stop: StopReason) {
    if !undecided.isEmpty {
      let reveals = !hasVisibleText && !hasToolCall
      settleUndecided(asAnswer: reveals)
      if reveals, hasVisibleText {
        notice("The model answered on a channel of its own making; shown as it is.")
      }
    }
    result.stop = stop
    if !hasVisibleText, result.notices.isEmpty { notice(reasonForSilence(stop)) }
    events.append(.end(stop))
  }

  /// A generation without visible text always says why.
  func reasonForSilence(_ stop: StopReason) -> String {
    if let call = result.messages.last(where: { $0.disposition == .toolCall }) {
      return "The model calls \(call.recipient ?? "a tool")."
    }
    if result.recoveries[.stoppedInHeader] != nil {
      return "The model stopped in the header of a message; there is no answer."
    }
    if result.messages.contains(where: { $0.disposition == .thinking && !$0.text.isBlank }) {
      switch stop {
      case .maximumTokens, .contextFull:
        return "The model was still thinking when its tokens ran out; there is no answer."
      case .cancelled: return "Stopped while the model was thinking; there is no answer."
      default: return "The model ended its turn after thinking, without an answer."
      }
    }
    return "The model gave an empty answer."
  }
}

extension StringProtocol {
  /// Nothing, or white space only.
  var isBlank: Bool { unicodeScalars.allSatisfy(\.properties.isWhitespace) }
}
