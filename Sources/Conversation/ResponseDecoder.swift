import Tokenization

/// Why an answer ended.
package enum StopReason: String, Sendable, Equatable {
  /// The model ended its turn.
  case endOfTurn = "stop"
  /// The model called a tool and waits for the result.
  case toolCall = "tool_call"
  /// The limit on generated tokens was reached.
  case maximumTokens = "max_tokens"
  /// The context is full.
  case contextFull = "context_full"
  /// The user stopped it.
  case cancelled = "cancelled"
  /// A stop string appeared.
  case stopString = "stop_string"
  /// The model left its format and cannot go on, for example by writing `<|endoftext|>`.
  case fault = "fault"
}

/// What a decoder makes of generated tokens, in the order in which it should be shown.
///
/// Texts are pieces: two neighbours of one kind belong together without a separator.
package enum ResponseEvent: Sendable, Equatable {
  /// The model's reasoning; hidden unless asked for.
  case thinking(String)
  /// A preamble meant for the user, beside the answer (Harmony: commentary without recipient).
  case commentary(String)
  /// The answer.
  case text(String)
  case toolCall(ToolCall)
  /// A sentence about something that went wrong or was left out.
  case notice(String)
  /// Always the last event, exactly once, from `finish`.
  case end(StopReason)
}

/// Turns generated token ids into events. A pure value: no I/O, never throws, never traps.
///
/// Feed every generated id, the stop token included, and look at `stopRequest` after each; then call
/// `finish` once. However the ids are cut into batches, the joined events are the same.
package protocol ResponseDecoder: Sendable {
  /// Takes the next generated id. Ids after the end are ignored.
  mutating func feed(_ id: TokenID) -> [ResponseEvent]
  /// Ends the answer: gives back everything still held. The events end with `.end`. A second call
  /// gives nothing. `reason` is why sampling stopped; the decoder's own `stopRequest` outranks it.
  mutating func finish(_ reason: StopReason) -> [ResponseEvent]
  /// Set once sampling should stop.
  var stopRequest: StopReason? { get }
}

extension ResponseDecoder {
  /// Takes several ids at once, as speculative decoding accepts them, and stops at the one that asks
  /// to stop (H50). `consumed` counts the ids taken, the stopping one included.
  package mutating func feed(
    batch ids: some Sequence<TokenID>
  ) -> (events: [ResponseEvent], consumed: Int) {
    var events: [ResponseEvent] = []
    var consumed = 0
    for id in ids {
      guard stopRequest == nil else { break }
      events += feed(id)
      consumed += 1
    }
    return (events.coalesced(), consumed)
  }
}

extension [ResponseEvent] {
  /// Joins neighbouring pieces of the same kind.
  package func coalesced() -> [ResponseEvent] {
    var joined: [ResponseEvent] = []
    for event in self {
      switch (joined.last, event) {
      case (.text(let a)?, .text(let b)): joined[joined.count - 1] = .text(a + b)
      case (.thinking(let a)?, .thinking(let b)): joined[joined.count - 1] = .thinking(a + b)
      case (.commentary(let a)?, .commentary(let b)): joined[joined.count - 1] = .commentary(a + b)
      default: joined.append(event)
      }
    }
    return joined
  }
}
