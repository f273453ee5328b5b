import Conversation
import FoundationEssentials
import Inference
import Registry

// Answers written by a server the user configured.

extension GenerationSession {
  /// Streams an answer from elsewhere. Blocks this session's own thread, as arithmetic would.
  func answerThere(
    _ work: inout Work, _ endpoint: RemoteEndpoint, _ options: AskOptions, _ stop: StopFlag,
    _ run: inout AnswerRun
  ) throws -> AnswerStop {
    let key = try endpoint.key()
    // Its tokenizer is not at hand: three bytes a token is more than most texts have.
    let plan = try plan(&work, context: endpoint.context, style: .cited, options, &run) {
      ($0.utf8.count + 2) / 3
    }
    if endpoint.leavesMachine {
      run.say("The question, its passages and the conversation go to \(endpoint.url.host).")
    }
    let sampling = workspace.samplerSettings(options)
    let chat = RemoteChat(
      model: endpoint.model, messages: plan.messages,
      maximumTokens: options.maximumTokens ?? workspace.settings.maximumTokens,
      temperature: sampling.temperature, seed: sampling.seed, stopStrings: options.stopStrings,
      effort: options.effort.rawValue)
    guard let address = HubURL(endpoint.url.text + "/chat/completions") else {
      throw CarrelError(.failed, "\(endpoint.id): \(endpoint.url.text) makes no address.")
    }
    let post = EventStreamPost(url: address, body: Array(chat.json.utf8), key: key)
    var reader = RemoteAnswerReader()
    var live = run
    let started = ContinuousClock.now
    var first: ContinuousClock.Instant?
    do {
      try post.run(isCancelled: { stop.isRaised }) { data in
        for event in reader.feed(data) {
          first = first ?? .now
          live.stats.generatedTokens = max(reader.pieces, 1)
          live.take(event)
        }
        return reader.isDone || reader.failure != nil ? .stop : .goOn
      }
    } catch {
      // What was shown is the answer, as where the server closes the connection: no other goes on with it.
      guard first != nil else { throw error }
    }
    run = live
    run.measure(reader, started: started, first: first)
    if let failure = reader.failure {
      throw CarrelError(.failed, "\(endpoint.id) at \(endpoint.url.host): \(failure)")
    }
    if stop.isRaised { return .cancelled }
    guard reader.stop != nil || reader.isDone else {
      run.say("\(endpoint.id) ended the connection before the answer was complete.")
      return .endOfTurn
    }
    return AnswerStop(reader.stop ?? .endOfTurn)
  }
}

extension AnswerRun {
  fileprivate mutating func measure(
    _ reader: RemoteAnswerReader, started: ContinuousClock.Instant, first: ContinuousClock.Instant?
  ) {
    stats.promptTokens = reader.promptTokens ?? 0
    // Of an answer that began no other model is asked, whatever the server counts.
    stats.generatedTokens = max(reader.answerTokens ?? reader.pieces, first == nil ? 0 : 1)
    guard let first else { return }
    let reading = started.duration(to: first) / .seconds(1)
    let writing = first.duration(to: .now) / .seconds(1)
    stats.prefillTokensPerSecond = reading > 0 ? Double(stats.promptTokens) / reading : 0
    stats.decodeTokensPerSecond = writing > 0 ? Double(stats.generatedTokens) / writing : 0
  }
}

extension RemoteEndpoint {
  /// The key from the environment; nil where none is wanted.
  fileprivate func key() throws(CarrelError) -> String? {
    guard let keyVariable else { return nil }
    guard let key = ProcessInfo.processInfo.environment[keyVariable], !key.isEmpty else {
      throw CarrelError(
        .failed, "\(id) wants a key in the environment variable \(keyVariable), which is not set.")
    }
    return key
  }
}
