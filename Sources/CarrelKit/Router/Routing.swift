import FoundationEssentials

/// One question's routing: the decision, whom to ask in turn, and the line for the log.
struct Routing {
  let decision: RouteDecision
  private let table: RoutingTable
  private let question: String
  private let log: RouteLog

  init(
    _ workspace: Workspace, _ question: String, _ options: AskOptions, _ found: [Source]
  ) throws {
    self.question = question
    table = try RoutingTable(workspace.settings, workspace.host)
    log = RouteLog(folder: workspace.settings.index)
    // Four bytes a token: near enough to tell a context from none.
    let contextTokens = found.reduce(0) { $0 + $1.text.utf8.count } / 4
    decision = table.router.decide(
      question, tokenBudget: options.maximumTokens, contextTokens: contextTokens)
  }

  /// Whom to ask, the choice first.
  /// - Throws: what the memory gate says, when nothing fits.
  func answerers() throws -> [Answerer] {
    var answerers: [Answerer] = []
    for id in decision.chain {
      // Where there is nothing to choose between, the gate's own reason says more.
      if !table.isChoice, answerers.isEmpty,
        let best = try? table.choice(nil),
        best.id == id
      {
        answerers.append(.local(best))
        continue
      }
      let reason = id == decision.choice ? decision.reason : "the next that fits"
      if let answerer = try? table.answerer(id, reason: reason) { answerers.append(answerer) }
    }
    if answerers.isEmpty { return [.local(try table.choice(nil))] }
    return answerers
  }

  /// Whether a larger model than this one could take a question over.
  func mayHandOver(from id: String) -> Bool {
    table.isChoice && id == table.router.small?.id && table.router.large?.fits == true
  }

  func large() throws -> Answerer? {
    try table.router.large.map { try table.answerer($0.id, reason: nil) }
  }

  func log(_ answer: Answer, seconds: Double) {
    log.append(
      RouteRecord(
        date: Date(), questionHash: RouteLog.hash(question), features: decision.features,
        choice: answer.route.choice, reason: answer.route.reason, stop: answer.stop.rawValue,
        promptTokens: answer.stats.promptTokens, generatedTokens: answer.stats.generatedTokens,
        seconds: seconds))
  }
}
