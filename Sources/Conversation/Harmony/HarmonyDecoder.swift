import Tokenization

/// Reads what gpt-oss writes after `<|start|>assistant`: token in, events out.
///
/// A message is a header (role, channel, recipient, content type), `<|message|>`, a body, and a
/// boundary: `<|end|>`, `<|call|>` or `<|return|>`. On well-formed streams the messages equal those
/// of openai-harmony 0.0.8; malformed ones are repaired by the table in `Harmony/README.md`, and
/// every repair is counted. It never throws and never stalls: a header that does not end becomes
/// text after `headerLimit` tokens.
///
/// Everything is decided on ids. Characters that spell `<|end|>` are text (H45). No id of the
/// prompt is fed; a leading `<|start|>assistant` is tolerated (H43).
package struct HarmonyDecoder: ResponseDecoder {
  private enum State {
    case header(HarmonyHeader)
    case body
    /// Behind a `<|channel|>` inside a body, which may begin the next header (H33).
    case channelInBody([UInt8])
    /// Between two messages, with the text found there.
    case between(HarmonyHeader)
    /// Behind `<|call|>`: only a new `<|start|>` counts.
    case called
    /// Nothing counts any more.
    case closed
    case finished
  }

  /// A header of free text is taken for a body after this many tokens …
  static let freeTextLimit = 24
  /// … and any other after this many.
  static let headerLimit = 128

  private let tokenizer: any Tokenizer
  private let tokens: HarmonyControlTokens
  private var state = State.header(HarmonyHeader(namesRole: false))
  private var output: HarmonyOutput
  private var isFirstToken = true
  /// Headers opened since the first answer ended (H39).
  private var headersAfterFinal: Int?
  package private(set) var stopRequest: StopReason?

  package init(
    tokenizer: any Tokenizer, tokens: HarmonyControlTokens, offered: OfferedTools = .anyFunction
  ) {
    self.tokenizer = tokenizer
    self.tokens = tokens
    output = HarmonyOutput(offered: offered)
  }

  /// The result so far; complete after `finish`.
  package var result: HarmonyResult { output.result }

  package mutating func feed(_ id: TokenID) -> [ResponseEvent] {
    step(id)
    isFirstToken = false
    return output.drain()
  }

  package mutating func finish(_ reason: StopReason) -> [ResponseEvent] {
    if case .finished = state { return [] }
    // A session may keep the stop token to itself.
    let ending: HarmonyOutput.Ending =
      switch stopRequest ?? reason {
      case .endOfTurn: .return
      case .toolCall: .call
      default: .cut
      }
    switch state {
    case .header(let header):
      if ending == .cut { cut(header) } else { end(header, ending) }
    case .body: close(ending)
    case .channelInBody(let pending):
      rejectChannel(pending)
      close(ending)
    case .between(let gap): settle(gap)
    case .called, .closed, .finished: break
    }
    state = .finished
    output.finish(stopRequest ?? reason)
    return output.drain()
  }

  /// Decodes a whole recorded stream, also beyond where a session would have stopped.
  package static func decode(
    _ ids: some Sequence<TokenID>, tokenizer: any Tokenizer, tokens: HarmonyControlTokens,
    offered: OfferedTools = .anyFunction, reason: StopReason = .maximumTokens
  ) -> (events: [ResponseEvent], result: HarmonyResult) {
    var decoder = HarmonyDecoder(tokenizer: tokenizer, tokens: tokens, offered: offered)
    var events: [ResponseEvent] = []
    for id in ids { events += decoder.feed(id) }
    events += decoder.finish(reason)
    return (events.coalesced(), decoder.result)
  }

  // MARK: Tokens

  private enum Kind {
    case start, message, channel, constrain, end, call, `return`, endOfText
    /// Another control token, or one that stands for nothing (H44).
    case foreign
    /// Not in the vocabulary (H49).
    case unknown
    case text([UInt8])
  }

  private func kind(of id: TokenID) -> Kind {
    switch id {
    case tokens.start: return .start
    case tokens.message: return .message
    case tokens.channel: return .channel
    case tokens.constrain: return .constrain
    case tokens.end: return .end
    case tokens.call: return .call
    case tokens.return: return .return
    case tokens.endOfText: return .endOfText
    default:
      guard id >= 0, Int(id) < tokenizer.vocabularySize else { return .unknown }
      guard !tokenizer.isControl(id) else { return .foreign }
      let bytes = tokenizer.bytes(of: id)
      return bytes.isEmpty ? .foreign : .text(bytes)
    }
  }

  private mutating func step(_ id: TokenID) {
    let kind = kind(of: id)
    switch state {
    case .header(let header): inHeader(header, kind)
    case .body: inBody(kind)
    case .channelInBody(let pending): inBody(kind, behindChannel: pending)
    case .between(let gap): inGap(gap, kind)
    case .called:
      if case .start = kind {
        openHeader(namesRole: true)
      } else {
        ignore(kind)
      }
    case .closed: ignore(kind)
    case .finished: break
    }
  }

  /// H41: what comes after the end counts for nothing.
  private mutating func ignore(_ kind: Kind) {
    output.count(.tokensAfterEnd)
    if case .text(let bytes) = kind { output.discard(bytes.count) }
  }

  // MARK: Header

  private mutating func inHeader(_ open: HarmonyHeader, _ kind: Kind) {
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

  private mutating func openHeader(namesRole: Bool) {
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
  private func isTooLong(_ header: HarmonyHeader) -> Bool {
    if header.tokenCount > Self.headerLimit { return true }
    let stray = header.parsed(.message, offered: output.offered).stray
    return stray.count { $0 == 0x20 } >= 3
  }

  /// Takes the parts of a header that are the same whatever ended it. False when the model speaks
  /// for somebody else.
  private mutating func accept(_ header: HarmonyHeader, _ parsed: ParsedHeader) -> Bool {
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
  private mutating func refuseRole(_ recovery: HarmonyRecovery, _ header: HarmonyHeader) {
    output.count(recovery)
    output.discard(header.byteCount)
    if recovery == .inventedToolResult {
      output.notice("The model began to invent a tool's answer; it was stopped there.")
    }
    stop(.endOfTurn)
    state = .closed
  }

  /// A boundary inside a header: what follows the channel is the body (H4, H6).
  private mutating func end(_ header: HarmonyHeader, _ ending: HarmonyOutput.Ending) {
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
  private mutating func startBody(of header: HarmonyHeader) {
    let parsed = header.parsed(.boundary, offered: output.offered)
    guard accept(header, parsed) else { return }
    countOpening(parsed)
    output.open(parsed)
    output.take(parsed.body)
    state = .body
  }

  /// The stream broke off inside a header: text is kept (H5, H6), half a header is not (H8).
  private mutating func cut(_ header: HarmonyHeader) {
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

  private mutating func countOpening(_ parsed: ParsedHeader) {
    output.count(
      parsed.channel == nil && !parsed.hasUnknownChannel ? .bareText : .missingMessage)
  }

  // MARK: Body

  private mutating func inBody(_ kind: Kind) {
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
  private mutating func inBody(_ kind: Kind, behindChannel pending: [UInt8]) {
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

  private mutating func rejectChannel(_ pending: [UInt8]) {
    output.dropControlToken()
    output.take(pending)
    state = .body
  }

  // MARK: Endings

  /// Ends the open message and goes where its ending leads.
  private mutating func close(_ ending: HarmonyOutput.Ending) {
    let isAnswer = output.result.messages.last?.disposition == .answer
    if output.close(ending) {
      stop(output.hasToolCall ? .toolCall : .endOfTurn)
    }
    if isAnswer, headersAfterFinal == nil { headersAfterFinal = 0 }
    leave(ending)
  }

  private mutating func leave(_ ending: HarmonyOutput.Ending) {
    switch ending {
    case .end, .implicit: state = .between(HarmonyHeader(namesRole: true))
    case .call:
      stop(.endOfTurn)
      state = .called
    case .return:
      stop(.endOfTurn)
      state = .closed
    case .cut: state = .closed
    }
  }

  private mutating func endOfText() {
    output.count(.endOfText)
    stop(.fault)
    state = .closed
  }

  private mutating func stop(_ reason: StopReason) {
    if stopRequest == nil { stopRequest = reason }
  }

  // MARK: Between messages

  /// Behind a boundary `<|start|>` should come. A role, a channel, a recipient or `<|message|>`
  /// opens a header all the same (H30, H31); other text belongs to the message before it (H32).
  private mutating func inGap(_ gap: HarmonyHeader, _ kind: Kind) {
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

  private mutating func boundaryInGap(_ gap: HarmonyHeader, _ ending: HarmonyOutput.Ending) {
    settle(gap)
    output.count(.emptyMessage)
    leave(ending)
  }

  private func saysHeader(_ gap: HarmonyHeader) -> Bool {
    gap.isBlank || gap.parsed(.message, offered: output.offered).stray.isEmpty
  }

  /// Gives the text between two messages to the one before it. White space goes, and so does what
  /// is nothing but the words of a header.
  private mutating func settle(_ gap: HarmonyHeader) {
    if saysHeader(gap) {
      output.discard(gap.byteCount)
      return
    }
    continueLastMessage(with: gap)
    _ = output.close(.end)
    state = .between(HarmonyHeader(namesRole: true))
  }

  private mutating func continueLastMessage(with gap: HarmonyHeader) {
    output.count(.textBetweenMessages)
    let bytes = gap.segments[0].bytes
    if output.result.messages.isEmpty {
      output.open(ParsedHeader())
    } else if !output.reopen() {
      output.discard(bytes.count)
      state = .called
      return
    }
    output.take(bytes)
    state = .body
  }
}
