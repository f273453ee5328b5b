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
  var result = HarmonyResult()
  var hasToolCall = false
  var events: [ResponseEvent] = []
  var utf8 = UTF8Assembler()
  /// Bytes of the open message, and whether any has come.
  var sink: Sink?
  var bodyCount = 0
  /// Held text of messages with undecided sinks: index into `result.messages`.
  var undecided: [(message: Int, bytes: Int)] = []
  var hasVisibleText = false
  /// The message that was shown last, of each kind and of both visible ones: text of another
  /// message has a newline in front.
  var lastMessage: (answer: Int?, commentary: Int?, thinking: Int?, visible: Int?) = (
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

  mutating func begin(_ message: DecodedMessage, _ sink: Sink) {
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

  mutating func chooseSink(_ header: ParsedHeader) -> Sink {
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

  mutating func emit(_ text: String) {
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
  mutating func show(_ text: String, of index: Int) {
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

  func separator(_ previous: Int?, _ index: Int) -> String {
    previous == nil || previous == index ? "" : "\n"
  }

  mutating func settleUndecided(asAnswer: Bool) {
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
}
