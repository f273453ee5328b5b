import CarrelKit
import Terminal

/// Questions and commands, one after the other, until the user leaves. Knows neither terminals nor
/// models: lines come from a `LineSource`, answers from a `Desk`, and everything shown goes through a
/// `Console`.
@MainActor package final class REPL {
  /// What the user said on the command line and in the settings file.
  package struct Start {
    /// Settings by name, checked.
    package var settings: [String: String] = [:]
    /// A kept conversation to go on with: its id, or `last`.
    package var resume: String?
    /// What settings are that nobody set, where that depends on the machine: folders.
    package var inUse: [String: String] = [:]
    /// The folder that is offered for indexing.
    package var folder = "."
    /// Makes another workspace after a setting of models or folders was changed.
    package var makeDesk: (@MainActor ([String: String]) -> any Desk)?
    /// Makes another console after `color` was changed.
    package var makeConsole: (@MainActor (Style.Choice) -> Console)?

    package init(settings: [String: String] = [:], resume: String? = nil) {
      self.settings = settings
      self.resume = resume
    }
  }

  var desk: any Desk
  var console: Console
  let lines: any LineSource
  let start: Start
  /// Settings by name; what is not here is as the table of options has it.
  var settings: [String: String]
  var conversation: (any Conversing)?
  var opening: Task<any Conversing, any Error>?
  var turns: [(question: String, answer: Answer)] = []
  /// What the next prompt begins with (`/edit`).
  var prefill = ""
  /// The next question takes the place of the last one. Nothing is lost when none comes.
  var isReplacing = false
  /// Reads a resumed conversation ahead; raised before the next question.
  var warming: StopFlag?
  /// An answer that was given up on but is still being stopped.
  private var unfinished: Task<Bool, Never>?
  private var lastFailure: Int32 = 0
  private var freshening: Freshening?
  /// Told how many sources there are, for completion.
  let onSources: @Sendable (Int) -> Void

  package init(
    desk: any Desk, console: Console, lines: any LineSource, start: Start = Start(),
    onSources: @escaping @Sendable (Int) -> Void = { _ in }
  ) {
    self.desk = desk
    self.console = console
    self.lines = lines
    self.start = start
    self.onSources = onSources
    settings = start.settings
  }

  var isInteractive: Bool { lines.isInteractive }
  var model: String? { settings["model"] }
  var showsThinking: Bool { settings["thinking"] == "on" }
  /// Conversations of a pipe are kept only when one was resumed.
  var keepsSessions: Bool { settings["sessions"] != "off" && isInteractive }

  /// Runs until the end; gives the exit code. In a pipe a failed answer makes it that failure's code.
  package func run() async -> Int32 {
    // At a terminal Control-C never ends the program by surprise.
    if isInteractive { SignalMonitor.shared.remembersInterrupts(true) }
    defer { SignalMonitor.shared.remembersInterrupts(false) }
    var isLeaving = false
    if let id = start.resume {
      do {
        try await resume(id)
      } catch {
        console.status.clear()
        console.failure(Sentences.outcome(of: error).message)
        return Sentences.outcome(of: error).code
      }
    } else {
      isLeaving = await greet() == false
    }
    if isLeaving { return 0 }
    // The model loads while the first question is typed.
    if conversation == nil, opening == nil { open() }
    if isInteractive { freshening = Freshening(desk) }
    let code = await loop()
    await leave()
    await sayWhereItIsKept()
    return code
  }

  private func loop() async -> Int32 {
    var interrupts = 0
    while true {
      let text = prefill
      prefill = ""
      if let news = freshening?.sentence() {
        console.write(HelpText.fold(news, 0, console.columns() ?? 80))
      }
      switch lines.next(prompt: isInteractive ? "carrel> " : "", text: text) {
      case .submitted(let line, let isInterrupted):
        interrupts = 0
        if isInteractive { SignalMonitor.shared.remembersInterrupts(true) }
        if isInterrupted { SignalMonitor.shared.interrupt() }
        let question = REPLCommand.trim(line)
        if question.isEmpty {
          isReplacing = false
          continue
        }
        guard await handle(question) else { return lastFailure }
      case .interrupted(let hadText):
        isReplacing = false
        interrupts = hadText ? 0 : interrupts + 1
        if interrupts > 1 { return 0 }
        if !hadText {
          write("To leave: /bye, Control-D, or Control-C once more.")
        }
      case .endOfInput:
        return isInteractive ? 0 : lastFailure
      case .suspended, .editExternally:
        continue
      }
    }
  }

  /// False to leave.
  private func handle(_ line: String) async -> Bool {
    let replaces = isReplacing
    isReplacing = false
    do {
      switch REPLCommand.parse(line) {
      case nil:
        if replaces { _ = try await takeBack() }
        try await ask(line)
      case .unknown(let word, let suggestion):
        let hint = suggestion.map { " Did you mean /\($0)?" } ?? " /help lists the commands."
        throw UsageMistake("There is no command /\(word).\(hint)")
      case .command(.bye, _): return false
      case .command(let name, let rest): try await perform(name, rest)
      }
    } catch {
      console.status.clear()
      report(error)
      if !isInteractive, Sentences.outcome(of: error).code == 130 {
        lastFailure = 130
        return false
      }
    }
    return true
  }

  func report(_ error: any Error) {
    let outcome = Sentences.outcome(of: error)
    if !isInteractive { lastFailure = outcome.code }
    guard isInteractive else { return console.failure(outcome.message) }
    for line in folded(Sanitizer.clean(outcome.message)).split(separator: "\n") {
      console.line(console.style.paint(String(line), .red))
    }
  }

  /// Sentences on standard output, cleaned, and folded at the width of the screen.
  func write(_ text: String, indent: Int = 0, first: Int? = nil) {
    console.write(folded(Sanitizer.clean(text), indent, first))
  }

  private func folded(_ text: String, _ indent: Int = 0, _ first: Int? = nil) -> String {
    HelpText.fold(text, indent, console.columns() ?? .max, first: first)
  }

  /// Puts what the model has read on disk. An answer that is still being stopped is not waited for.
  func leave() async {
    warming?.raise()
    if unfinished == nil, !turns.isEmpty { await conversation?.leave() }
  }

  private func sayWhereItIsKept() async {
    guard isInteractive, !console.isQuiet, !turns.isEmpty,
      let id = await conversation?.keptID
    else { return }
    write("This conversation is kept: carrel --resume \(id)")
  }

  // MARK: - Conversation

  /// Begins to load the model, in the background.
  func open() {
    let desk = desk
    let model = model
    let id = keepsSessions ? Workspace.newSessionID() : nil
    opening = Task.detached { try await desk.openConversation(model: model, keptAs: id) }
  }

  /// The conversation, loaded if need be; Control-C gives up waiting, not loading.
  func opened() async throws -> any Conversing {
    if let conversation { return conversation }
    if opening == nil { open() }
    guard let opening else { throw CarrelError(.failed, "No model is loading.") }
    console.status.show("loading the model", now: true)
    do {
      let opened = try await Interruption.run { try await opening.value }
      conversation = opened
      return opened
    } catch {
      // Try again next time: a model may have been installed since.
      if !(error is CancellationError) { self.opening = nil }
      throw error
    }
  }

  /// Waits until the model is free: reading ahead and an answer given up on end within a moment.
  /// Comes before everything that changes the conversation, which the answer still writes into.
  func settle() async throws {
    warming?.raise()
    warming = nil
    guard let unfinished else { return }
    console.status.show("waiting for the answer before to stop")
    let isKept = try await Interruption.run { await unfinished.value }
    console.status.clear()
    self.unfinished = nil
    // An answer that failed after all is no turn of the conversation.
    if !isKept { _ = turns.popLast() }
  }

  /// Takes the last turn back, here and in the conversation; gives its question.
  func takeBack() async throws -> String? {
    let question = turns.last?.question
    let count = turns.count
    try await settle()
    if turns.count == count, turns.popLast() != nil { _ = await conversation?.undo() }
    return question
  }

  func ask(_ question: String) async throws {
    if isInteractive { console.line() }
    let conversation = try await opened()
    try await settle()
    let freshening = freshening
    try await Interruption.run { await freshening?.settle() }
    var printer = AnswerPrinter(console: console, showsThinking: showsThinking)
    let options = AskOptions(settings: settings)
    let relay = AnswerRelay { conversation.ask(question, options: options, stop: $0) }
    SignalMonitor.shared.onInterrupt { relay.interrupt() }
    defer { SignalMonitor.shared.onInterrupt(nil) }
    var answer: Answer?
    for try await event in relay.events {
      printer.take(event)
      if case .done(let whole) = event { answer = whole }
    }
    if answer == nil { unfinished = relay.rest }
    let last = answer ?? printer.cutShort(model: conversation.modelID)
    turns.append((question, last))
    onSources(last.sources.count)
    if isInteractive { console.line() }
    if last.stop == .cancelled, !isInteractive { throw CancellationError() }
  }
}

/// A command of the prompt that was used wrongly.
struct UsageMistake: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
