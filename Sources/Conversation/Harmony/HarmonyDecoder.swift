import Tokenization

/// Reads what gpt-oss writes after `<|start|>assistant`: token in, events out.
///
/// A message is a header (role, channel, recipient, content type), `<|message|>`, a body, and a
/// boundary: `<|end|>`, `<|call|>` or `<|return|>`. On well-formed streams the messages equal those
/// of openai-harmony 0.0.8; malformed ones are repaired by the table in <doc:HarmonyRecovery>, and
/// every repair is counted. It never throws and never stalls: a header that does not end becomes
/// text after `headerLimit` tokens.
///
/// Everything is decided on ids. Characters that spell `<|end|>` are text (H45). No id of the
/// prompt is fed; a leading `<|start|>assistant` is tolerated (H43).
package struct HarmonyDecoder: ResponseDecoder {
  enum State {
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

  let tokenizer: any Tokenizer
  let tokens: HarmonyControlTokens
  var state = State.header(HarmonyHeader(namesRole: false))
  var output: HarmonyOutput
  var isFirstToken = true
  /// Headers opened since the first answer ended (H39).
  var headersAfterFinal: Int?
  package internal(set) var stopRequest: StopReason?

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
      // Half a channel's name is half a header (H8), not text.
      output.count(.stoppedInHeader)
      output.discard(pending.count)
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

  enum Kind {
    case start, message, channel, constrain, end, call, `return`, endOfText
    /// Another control token, or one that stands for nothing (H44).
    case foreign
    /// Not in the vocabulary (H49).
    case unknown
    case text([UInt8])
  }

  func kind(of id: TokenID) -> Kind {
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

  mutating func step(_ id: TokenID) {
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
  mutating func ignore(_ kind: Kind) {
    output.count(.tokensAfterEnd)
    if case .text(let bytes) = kind { output.discard(bytes.count) }
  }

  // MARK: Endings

  /// Ends the open message and goes where its ending leads.
  mutating func close(_ ending: HarmonyOutput.Ending) {
    let isAnswer = output.result.messages.last?.disposition == .answer
    if output.close(ending) {
      stop(output.hasToolCall ? .toolCall : .endOfTurn)
    }
    if isAnswer, headersAfterFinal == nil { headersAfterFinal = 0 }
    leave(ending)
  }

  mutating func leave(_ ending: HarmonyOutput.Ending) {
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

  mutating func endOfText() {
    output.count(.endOfText)
    stop(.fault)
    state = .closed
  }

  mutating func stop(_ reason: StopReason) {
    if stopRequest == nil { stopRequest = reason }
  }
}
