/// Routes the bodies of messages: to events, to the record, and into the byte counts.
///
/// The header decides where a body goes; three kinds of body are held until it is certain:
/// - arguments of a tool call, until the call ends and they turn out to be JSON (H51);
/// - commentary with a content type but no recipient, as long as it may be JSON (H19, H20);
/// - messages of unknown channels, until there is visible text: then they were thoughts, and
///   without any they are shown after all (H22).
struct HarmonyOutput: Sendable {
  enum Sink: Sendable, Equatable {
    case answer, commentary, thinking
    /// An unknown channel, before there is any visible text.
    case undecided
    /// A call to an offered tool; from the analysis channel only with `<|call|>` (H15).
    case toolCall(name: String, needsCall: Bool)
    /// Commentary that looks like the arguments of a call to nobody.
    case maybeOrphan
    /// A call to a tool that was not offered (H14).
    case undeclared(String)
  }

  /// How a message ended.
  enum Ending: Equatable {
    case end, call, `return`
    /// By the beginning of the next one (H33).
    case implicit
    /// By the end of the stream.
    case cut
  }

  let offered: OfferedTools
  private(set) var result = HarmonyResult()
  private(set) var hasToolCall = false
  private var events: [ResponseEvent] = []
  private var utf8 = UTF8Assembler()
  /// Bytes of the open message, and whether any has come.
  private var sink: Sink?
  private var bodyCount = 0
  /// Held text of messages with undecided sinks: index into `result.messages`.
  private var undecided: [(message: Int, bytes: Int)] = []
  private var hasVisibleText = false
  /// The message that was shown last, of each kind and of both visible ones: text of another
  /// message has a newline in front.
  private var lastMessage: (answer: Int?, commentary: Int?, thinking: Int?, visible: Int?) = (
    nil, nil, nil, nil
  )

  init(offered: OfferedTools) {
    self.offered = offered
  }

  mutating func drain() -> [ResponseEvent] {
    defer { events.removeAll(keepingCapacity: true) }
    return events
  }

  mutating func count(_ recovery: HarmonyRecovery) {
    result.recoveries[recovery, default: 0] += 1
  }

  mutating func dropControlToken() {
    result.droppedControlTokens += 1
    count(.controlTokenInBody)
  }

  mutating func discard(_ bytes: Int) {
    result.bytes.discarded += bytes
  }

  mutating func countHeader(_ bytes: Int) {
    result.bytes.header += bytes
  }

  mutating func notice(_ sentence: String) {
    result.notices.append(sentence)
    events.append(.notice(sentence))
  }

  // MARK: Messages

  var isOpen: Bool { sink != nil }

  /// Begins a message as its header says. Rules H3, H14 to H22.
  mutating func open(_ header: ParsedHeader) {
    let sink = chooseSink(header)
    var message = DecodedMessage(
      channel: header.channel, recipient: header.recipient, contentType: header.contentType,
      text: "", disposition: .thinking)
    if header.known == .final, let recipient = message.recipient,
      recipient == "json" || recipient == "code"
    {
      message.recipient = nil
      message.contentType = message.contentType ?? recipient
    }
    if case .toolCall(let name, _) = sink, offered.resolve(header.recipient ?? "")?.glued == true {
      message.recipient = "functions.\(name)"
      message.contentType = message.contentType ?? "json"
    }
    begin(message, sink)
  }

  private mutating func begin(_ message: DecodedMessage, _ sink: Sink) {
    var message = message
    message.disposition =
      switch sink {
      case .answer: .answer
      case .commentary, .maybeOrphan: .commentary
      case .thinking, .undecided: .thinking
      case .toolCall, .undeclared: .hidden
      }
    result.messages.append(message)
    self.sink = sink
    bodyCount = 0
  }

  private mutating func chooseSink(_ header: ParsedHeader) -> Sink {
    if header.known == .final {
      if header.recipient != nil || header.contentType != nil { count(.recipientOnFinal) }
      return .answer
    }
    if let recipient = header.toolRecipient {
      if let tool = offered.resolve(recipient) {
        if tool.glued { count(.gluedToolName) }
        return .toolCall(name: tool.name, needsCall: header.known == .analysis)
      }
      return .undeclared(recipient)
    }
    switch header.known {
    case .analysis: return .thinking
    case .commentary: return header.contentType == nil ? .commentary : .maybeOrphan
    case .final: return .answer
    case nil:
      if header.hasUnknownChannel { return hasVisibleText ? .thinking : .undecided }
      return .answer
    }
  }

  /// Words of a header that belong nowhere, as reasoning (H26).
  mutating func stray(_ header: ParsedHeader) {
    guard !header.stray.isEmpty else { return }
    begin(
      DecodedMessage(channel: "analysis", text: "", disposition: .thinking), .thinking)
    result.bytes.thinking += header.strayCount
    emit(utf8.feed(header.stray) + utf8.finish())
    sink = nil
  }

  /// Opens the last message again for text that came after it (H32). False when there is none that
  /// text can be added to.
  mutating func reopen() -> Bool {
    guard let last = result.messages.last else { return false }
    switch last.disposition {
    case .answer: sink = .answer
    case .commentary: sink = .commentary
    case .thinking:
      sink = undecided.last?.message == result.messages.count - 1 ? .undecided : .thinking
    case .toolCall, .hidden: return false
    }
    bodyCount = 0
    return true
  }

  // MARK: Bodies

  mutating func take(_ bytes: [UInt8]) {
    bodyCount += bytes.count
    emit(utf8.feed(bytes))
  }

  mutating func takeInvalid() {
    emit(utf8.feedInvalid())
  }

  private mutating func emit(_ text: String) {
    guard !text.isEmpty, let sink, !result.messages.isEmpty else { return }
    let index = result.messages.count - 1
    result.messages[index].text += text
    switch sink {
    case .answer, .commentary, .thinking: show(text, of: index)
    case .maybeOrphan:
      let body = result.messages[index].text
      if let first = body.unicodeScalars.first(where: { !$0.properties.isWhitespace }),
        first != "{", first != "["
      {
        self.sink = .commentary
        show(body, of: index)
      }
    case .undecided:
      // Visible text may have come since, when a message is opened again.
      break
    case .toolCall, .undeclared: break
    }
  }

  /// Sends text of a message to where its disposition says.
  private mutating func show(_ text: String, of index: Int) {
    guard !text.isEmpty else { return }
    let disposition = result.messages[index].disposition
    if disposition != .thinking, !hasVisibleText, !text.isBlank {
      hasVisibleText = true
      settleUndecided(asAnswer: false)
    }
    if disposition == .answer || disposition == .commentary {
      result.visible += separator(lastMessage.visible, index) + text
      lastMessage.visible = index
    }
    switch disposition {
    case .answer:
      events.append(.text(separator(lastMessage.answer, index) + text))
      lastMessage.answer = index
    case .commentary:
      events.append(.commentary(separator(lastMessage.commentary, index) + text))
      lastMessage.commentary = index
    case .thinking:
      events.append(.thinking(separator(lastMessage.thinking, index) + text))
      lastMessage.thinking = index
    case .toolCall, .hidden: break
    }
  }

  private func separator(_ previous: Int?, _ index: Int) -> String {
    previous == nil || previous == index ? "" : "\n"
  }

  private mutating func settleUndecided(asAnswer: Bool) {
    let held = undecided
    undecided = []
    for (index, bytes) in held {
      if asAnswer {
        result.messages[index].disposition = .answer
        result.bytes.answer += bytes
        if !result.messages[index].text.isBlank { hasVisibleText = true }
      } else {
        result.bytes.thinking += bytes
      }
      show(result.messages[index].text, of: index)
    }
  }

  // MARK: Endings

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

  private mutating func hide(_ index: Int) {
    result.messages[index].disposition = .hidden
    result.bytes.discarded += bodyCount
  }

  /// H19, H20: a body that is nothing but JSON was meant for a tool, but names none.
  private mutating func closeOrphan(_ index: Int, _ text: String) {
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
  private mutating func closeToolCall(
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
  private func reasonForSilence(_ stop: StopReason) -> String {
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
