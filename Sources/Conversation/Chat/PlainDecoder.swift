import Tokenization

/// Reads the answers of every family but Harmony: text up to a stop token or a stop string, with an
/// optional thought in `<think>…</think>` in front.
///
/// The tags count at the very beginning only (after white space): an answer that talks about them
/// later keeps them. Stop strings count in the answer, not in the thought.
package struct PlainDecoder: ResponseDecoder {
  private enum State { case beginning, thinking, afterThought, answering, ended }

  private let tokenizer: any Tokenizer
  private let stopTokens: [TokenID]
  private let openThink: TokenID?
  private let closeThink: TokenID?
  private let dropsLeadingSpace: Bool
  private var utf8 = UTF8Assembler()
  private var stops: StopStrings
  private var tags = StopStrings([])
  private var state: State
  /// Text at the beginning that may still become `<think>`.
  private var opening = ""
  private var hasText = false
  private var hasTokens = false
  package private(set) var stopRequest: StopReason?

  /// - Parameters:
  ///   - thinkTags: whether the model may think in tags before it answers.
  ///   - dropsLeadingSpace: whether white space in front of the answer is the format's, not the
  ///     answer's.
  package init(
    tokenizer: any Tokenizer, stopTokens: [TokenID], stopStrings: [String] = [],
    thinkTags: Bool = false, dropsLeadingSpace: Bool = false
  ) {
    self.tokenizer = tokenizer
    self.stopTokens = stopTokens
    self.dropsLeadingSpace = dropsLeadingSpace
    openThink = thinkTags ? tokenizer.id(named: "<think>") : nil
    closeThink = thinkTags ? tokenizer.id(named: "</think>") : nil
    stops = StopStrings(stopStrings)
    state = thinkTags ? .beginning : dropsLeadingSpace ? .afterThought : .answering
  }

  package mutating func feed(_ id: TokenID) -> [ResponseEvent] {
    guard stopRequest == nil, state != .ended else { return [] }
    if stopTokens.contains(id) {
      stopRequest = .endOfTurn
      return []
    }
    hasTokens = true
    // A vocabulary may have the tags as tokens of their own, with or without bytes.
    if id == openThink, state == .beginning { return take(utf8.finish() + "<think>") }
    if id == closeThink, state == .thinking { return take(utf8.finish() + "</think>") }
    guard id >= 0, Int(id) < tokenizer.vocabularySize else { return take(utf8.feedInvalid()) }
    return take(utf8.feed(tokenizer.bytes(of: id)))
  }

  package mutating func finish(_ reason: StopReason) -> [ResponseEvent] {
    guard state != .ended else { return [] }
    var events = take(utf8.finish())
    switch state {
    case .beginning: events += answer(opening)
    case .thinking:
      let rest = tags.finish()
      if !rest.isEmpty { events.append(.thinking(rest)) }
    case .afterThought, .answering, .ended: break
    }
    if stopRequest != .stopString {
      let rest = stops.finish()
      if !rest.isEmpty { events.append(shown(rest)) }
    }
    if !hasText, hasTokens || (stopRequest ?? reason) == .endOfTurn {
      events.append(
        .notice(
          state == .thinking
            ? "The model stopped while it was still thinking; there is no answer."
            : "The model gave an empty answer."))
    }
    state = .ended
    events.append(.end(stopRequest ?? reason))
    return events
  }

  private mutating func take(_ text: String) -> [ResponseEvent] {
    guard !text.isEmpty else { return [] }
    switch state {
    case .beginning:
      opening += text
      let start = opening.drop(while: \.isWhitespace)
      if start.hasPrefix("<think>") {
        state = .thinking
        tags = StopStrings(["</think>"])
        let rest = String(start.dropFirst("<think>".count))
        opening = ""
        return take(rest)
      }
      if "<think>".hasPrefix(start) { return [] }
      defer { opening = "" }
      return answer(opening)
    case .thinking:
      let (thought, rest) = tags.feed(text)
      var events: [ResponseEvent] = thought.isEmpty ? [] : [.thinking(thought)]
      if let rest {
        state = .afterThought
        events += take(rest)
      }
      return events
    case .afterThought: return answer(text)
    case .answering: return answer(text)
    case .ended: return []
    }
  }

  private mutating func answer(_ text: String) -> [ResponseEvent] {
    var text = text
    if state == .afterThought { text = String(text.drop(while: \.isWhitespace)) }
    guard !text.isEmpty, stopRequest != .stopString else { return [] }
    state = .answering
    let (certain, rest) = stops.feed(text)
    if rest != nil { stopRequest = .stopString }
    return certain.isEmpty ? [] : [shown(certain)]
  }

  private mutating func shown(_ text: String) -> ResponseEvent {
    if text.contains(where: { !$0.isWhitespace }) { hasText = true }
    return .text(text)
  }
}
