import CarrelKit
import Terminal

/// Questions and commands, one after the other, until the user leaves. Knows neither terminals nor
/// models: lines come from a `LineSource`, answers from a `Desk`, and everything shown goes through a
/// `Console`.
@MainActor package final class REPL {
  let desk: any Desk
  let console: Console
  private let lines: any LineSource
  /// What the user said on the command line.
  package struct Start: Sendable {
    package var model: String?
    package var options = AskOptions()
    package init(model: String? = nil, options: AskOptions = AskOptions()) {
      self.model = model
      self.options = options
    }
  }

  var model: String?
  var options: AskOptions
  var showsThinking = false
  var conversation: (any Conversing)?
  var opening: Task<any Conversing, any Error>?
  var turns: [(question: String, answer: Answer)] = []
  /// What the next prompt begins with (`/edit`).
  var prefill = ""
  private var lastFailure: Int32 = 0
  /// Told how many sources there are, for completion.
  private let onSources: @Sendable (Int) -> Void

  package init(
    desk: any Desk, console: Console, lines: any LineSource, start: Start = Start(),
    onSources: @escaping @Sendable (Int) -> Void = { _ in }
  ) {
    self.desk = desk
    self.console = console
    self.lines = lines
    self.onSources = onSources
    model = start.model
    options = start.options
  }

  var isInteractive: Bool { lines.isInteractive }

  /// Runs until the end; gives the exit code. In a pipe a failed answer makes it that failure's code.
  package func run() async -> Int32 {
    // The model loads while the first question is typed.
    open()
    await greet()
    var interrupts = 0
    while true {
      let text = prefill
      prefill = ""
      switch lines.next(prompt: isInteractive ? "carrel> " : "", text: text) {
      case .submitted(let line):
        interrupts = 0
        let question = REPLCommand.trim(line)
        if question.isEmpty { continue }
        guard await handle(question) else { return lastFailure }
      case .interrupted(let hadText):
        interrupts = hadText ? 0 : interrupts + 1
        if interrupts > 1 { return 0 }
        if !hadText { console.line("To leave: /bye, Control-D, or Control-C once more.") }
      case .endOfInput:
        return isInteractive ? 0 : lastFailure
      case .suspended, .editExternally:
        continue
      }
    }
  }

  /// False to leave.
  private func handle(_ line: String) async -> Bool {
    do {
      switch REPLCommand.parse(line) {
      case nil: try await ask(line)
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

  private func report(_ error: any Error) {
    let outcome = Sentences.outcome(of: error)
    if !isInteractive { lastFailure = outcome.code }
    if isInteractive {
      console.line(console.style.paint(Sanitizer.clean(outcome.message), .red))
    } else {
      console.failure(outcome.message)
    }
  }

  private func greet() async {
    guard isInteractive, !console.isQuiet else { return }
    var text = "Carrel \(CommandTable.version)."
    if let report = try? await desk.indexReport(checkingDisk: false) {
      text +=
        report.files == 0
        ? " The index is empty: /index add PATH reads your documents."
        : " \(Format.count(report.files)) files, \(Format.count(report.chunks)) passages indexed."
    }
    text += " /help lists the commands."
    console.write(HelpText.fold(text, 0, console.columns() ?? 80))
  }

  // MARK: - Conversation

  /// Begins to load the model, in the background.
  func open() {
    let desk = desk
    let model = model
    opening = Task.detached { try await desk.openConversation(model: model) }
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

  func ask(_ question: String) async throws {
    if isInteractive { console.line() }
    let conversation = try await opened()
    let stop = StopFlag()
    var printer = AnswerPrinter(console: console, showsThinking: showsThinking)
    let options = options
    try await Interruption.flagging(stop) {
      for try await event in conversation.ask(question, options: options, stop: stop) {
        printer.take(event)
        if case .done(let answer) = event {
          turns.append((question, answer))
          onSources(answer.sources.count)
        }
      }
    }
    if isInteractive { console.line() }
    if turns.last?.answer.stop == .cancelled, !isInteractive { throw CancellationError() }
  }
}

/// A command of the prompt that was used wrongly.
struct UsageMistake: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
