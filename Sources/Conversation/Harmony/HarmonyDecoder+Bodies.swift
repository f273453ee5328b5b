extension HarmonyDecoder {
  // MARK: Body

  mutating func inBody(_ kind: Kind) {
    switch kind {
    case .text(let bytes): output.take(bytes)
    case .start:
      output.count(.missingEnd)
      close(.implicit)
      openHeader(namesRole: true)
    case .channel: state = .channelInBody([])
    case .end: close(.end)
    case .call: close(.call)
    case .return: close(.return)
    case .endOfText:
      close(.cut)
      endOfText()
    case .message, .constrain, .foreign: output.dropControlToken()
    case .unknown:
      output.count(.idOutsideVocabulary)
      output.takeInvalid()
    }
  }

  /// H33: `<|channel|>` and a known name inside a body begin the next message; anything else
  /// leaves the text where it is.
  mutating func inBody(_ kind: Kind, behindChannel pending: [UInt8]) {
    guard case .text(let bytes) = kind else {
      rejectChannel(pending)
      inBody(kind)
      return
    }
    let all = pending + bytes
    let word = all.drop(while: \.isSpace).prefix {
      (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
    }
    let name = String(decoding: word, as: UTF8.self).lowercased()
    let isWhole = word.endIndex < all.endIndex
    if KnownChannel(rawValue: name) != nil {
      output.count(.missingEnd)
      close(.implicit)
      openHeader(namesRole: false)
      guard case .header(var header) = state else { return }
      header.mark(.channel)
      header.append(all)
      state = .header(header)
    } else if !isWhole, all.count <= 12,
      KnownChannel.allCases.contains(where: { $0.rawValue.hasPrefix(name) })
    {
      state = .channelInBody(all)
    } else {
      rejectChannel(all)
    }
  }

  mutating func rejectChannel(_ pending: [UInt8]) {
    output.dropControlToken()
    output.take(pending)
    state = .body
  }

  // MARK: Between messages

  /// Behind a boundary `<|start|>` should come. A role, a channel, a recipient or `<|message|>`
  /// opens a header all the same (H30, H31); other text belongs to the message before it (H32).
  mutating func inGap(_ gap: HarmonyHeader, _ kind: Kind) {
    var gap = gap
    switch kind {
    case .start:
      settle(gap)
      openHeader(namesRole: true)
    case .text(let bytes):
      gap.append(bytes)
      state = .between(gap)
      if gap.tokenCount > Self.freeTextLimit, isTooLong(gap) { continueLastMessage(with: gap) }
    case .channel, .constrain, .message:
      var header = gap
      if !saysHeader(gap) {
        settle(gap)
        header = HarmonyHeader(namesRole: true)
      }
      output.count(.missingStart)
      openHeader(namesRole: true)
      inHeader(header, kind)
    case .end: boundaryInGap(gap, .end)
    case .call: boundaryInGap(gap, .call)
    case .return: boundaryInGap(gap, .return)
    case .endOfText:
      settle(gap)
      endOfText()
    case .foreign: output.dropControlToken()
    case .unknown: output.count(.idOutsideVocabulary)
    }
  }

  mutating func boundaryInGap(_ gap: HarmonyHeader, _ ending: HarmonyOutput.Ending) {
    settle(gap)
    output.count(.emptyMessage)
    leave(ending)
  }

  func saysHeader(_ gap: HarmonyHeader) -> Bool {
    gap.isBlank || gap.parsed(.message, offered: output.offered).stray.isEmpty
  }

  /// Gives the text between two messages to the one before it. White space goes, and so does what
  /// is nothing but the words of a header.
  mutating func settle(_ gap: HarmonyHeader) {
    if saysHeader(gap) {
      output.discard(gap.byteCount)
      return
    }
    continueLastMessage(with: gap)
    _ = output.close(.end)
    state = .between(HarmonyHeader(namesRole: true))
  }

  mutating func continueLastMessage(with gap: HarmonyHeader) {
    output.count(.textBetweenMessages)
    let bytes = gap.segments[0].bytes
    if output.result.messages.isEmpty {
      output.open(ParsedHeader())
    } else if !output.reopen() {
      output.discard(bytes.count)
      state = .between(HarmonyHeader(namesRole: true))
      return
    }
    output.take(bytes)
    state = .body
  }
}
