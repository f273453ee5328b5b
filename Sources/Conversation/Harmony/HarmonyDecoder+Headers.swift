extension HarmonyDecoder {
  mutating func inHeader(_ open: HarmonyHeader, _ kind: Kind) {
    var header = open
    switch kind {
    case .text(let bytes):
      header.append(bytes)
      state = .header(header)
      if header.foreignRole != nil {
        refuseRole(.foreignRole, header)
      } else if header.tokenCount > Self.freeTextLimit, isTooLong(header) {
        startBody(of: header)
      }
    case .channel, .constrain:
      if case .channel = kind { header.mark(.channel) } else { header.mark(.constrain) }
      state = .header(header)
    case .message:
      let parsed = header.parsed(.message, offered: output.offered)
      guard accept(header, parsed) else { return }
      if parsed.channel == nil, !parsed.hasUnknownChannel, parsed.toolRecipient == nil {
        output.count(.missingChannel)
      }
      output.open(parsed)
      state = .body
    case .start:
      // H43, or `<|start|>` written twice; a header that says something is ended first (H33).
      if header.isBlank {
        output.countHeader(header.byteCount)
        output.count(header.namesRole ? .missingRole : .repeatedPrompt)
      } else {
        end(header, .implicit)
      }
      openHeader(namesRole: true)
    case .end: end(header, .end)
    case .call: end(header, .call)
    case .return: end(header, .return)
    case .endOfText:
      cut(header)
      endOfText()
    case .foreign: output.dropControlToken()
    case .unknown: output.count(.idOutsideVocabulary)
    }
  }

  mutating func openHeader(namesRole: Bool) {
    if let headers = headersAfterFinal {
      headersAfterFinal = headers + 1
      if headers >= 1 {
        output.count(.messagesAfterFinal)
        stop(.endOfTurn)
      }
    }
    state = .header(HarmonyHeader(namesRole: namesRole))
  }

  /// Whether a long header has become text: it says more than a header can say.
  func isTooLong(_ header: HarmonyHeader) -> Bool {
    if header.tokenCount > Self.headerLimit { return true }
    let stray = header.parsed(.message, offered: output.offered).stray
    return stray.count > 48 || stray.count { $0 == 0x20 } >= 3
  }

  /// Takes the parts of a header that are the same whatever ended it. False when the model speaks
  /// for somebody else.
  mutating func accept(_ header: HarmonyHeader, _ parsed: ParsedHeader) -> Bool {
    switch parsed.speaker {
    case .assistant: break
    case .foreign:
      refuseRole(.foreignRole, header)
      return false
    case .tool:
      refuseRole(.inventedToolResult, header)
      return false
    }
    for recovery in parsed.recoveries { output.count(recovery) }
    output.discard(parsed.discarded)
    output.countHeader(
      header.byteCount - parsed.discarded - parsed.strayCount - parsed.body.count)
    output.stray(parsed)
    return true
  }

  /// H36, H37: the model plays another part. Nothing more of it counts.
  mutating func refuseRole(_ recovery: HarmonyRecovery, _ header: HarmonyHeader) {
    output.count(recovery)
    output.discard(header.byteCount)
    if recovery == .inventedToolResult {
      output.notice("The model began to invent a tool's answer; it was stopped there.")
    }
    stop(.endOfTurn)
    state = .closed
  }

  /// A boundary inside a header: what follows the channel is the body (H4, H6).
  mutating func end(_ header: HarmonyHeader, _ ending: HarmonyOutput.Ending) {
    let parsed = header.parsed(.boundary, offered: output.offered)
    guard accept(header, parsed) else { return }
    if parsed.channel != nil || !parsed.body.isEmpty {
      countOpening(parsed)
      output.open(parsed)
      output.take(parsed.body)
      close(ending)
    } else {
      output.count(.emptyMessage)
      leave(ending)
    }
  }

  /// Text that has outgrown its header becomes a body that goes on.
  mutating func startBody(of header: HarmonyHeader) {
    let parsed = header.parsed(.boundary, offered: output.offered)
    guard accept(header, parsed) else { return }
    countOpening(parsed)
    output.open(parsed)
    output.take(parsed.body)
    state = .body
  }

  /// The stream broke off inside a header: text is kept (H5, H6), half a header is not (H8).
  mutating func cut(_ header: HarmonyHeader) {
    let parsed = header.parsed(.cut, offered: output.offered)
    guard accept(header, parsed) else { return }
    if parsed.body.isEmpty {
      if !header.isBlank { output.count(.stoppedInHeader) }
    } else {
      countOpening(parsed)
      output.open(parsed)
      output.take(parsed.body)
      close(.cut)
    }
  }

  mutating func countOpening(_ parsed: ParsedHeader) {
    output.count(
      parsed.channel == nil && !parsed.hasUnknownChannel ? .bareText : .missingMessage)
  }
}
