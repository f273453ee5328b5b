import CarrelKit

/// One prompt being answered: its reply, given once, and how to stop it.
@ControlActor final class ACPTurn {
  let number: Int
  let reply: RPCReply
  /// Ends an answer within one token.
  let stop = StopFlag()
  var updates: ACPTurnUpdates
  private(set) var isCancelled = false
  /// What else to stop, indexing say.
  var onCancel: (@ControlActor @Sendable () -> Void)?

  init(number: Int, reply: RPCReply, updates: ACPTurnUpdates) {
    self.number = number
    self.reply = reply
    self.updates = updates
  }

  var isAnswered: Bool { reply.isAnswered }

  func cancel() {
    isCancelled = true
    stop.raise()
    onCancel?()
  }
}
