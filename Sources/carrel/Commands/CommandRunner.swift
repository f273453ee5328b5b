import CarrelKit
import FoundationEssentials
import Terminal

/// Runs one invocation and gives its exit code. Everything below throws; here it becomes a sentence
/// and a number.
@MainActor package struct CommandRunner {
  let invocation: Invocation
  let console: Console
  let desk: any Desk
  let environment: [String: String]
  /// Lines of standard input, for the commands that read it.
  let readLine: () -> String?
  /// Whether the next of them is there already.
  let hasLine: () -> Bool
  /// Whether somebody can be asked.
  let isTerminal: Bool

  package init(
    _ invocation: Invocation, console: Console, desk: any Desk, isTerminal: Bool = false,
    environment: [String: String] = ProcessInfo.processInfo.environment,
    readLine: @escaping () -> String? = { nil }, hasLine: @escaping () -> Bool = { true }
  ) {
    self.invocation = invocation
    self.console = console
    self.desk = desk
    self.environment = environment
    self.readLine = readLine
    self.hasLine = hasLine
    self.isTerminal = isTerminal
  }

  package func run() async -> Int32 {
    do {
      try await perform()
      console.status.clear()
      return 0
    } catch {
      let outcome = Sentences.outcome(of: error)
      console.failure(outcome.message)
      return outcome.code
    }
  }

  private func perform() async throws {
    switch invocation.command.name {
    case "index add": try await Reports.indexing(desk.addToIndex(try existing()), console)
    case "index refresh": try await Reports.indexing(desk.refreshIndex(), console)
    case "index watch": try await Reports.watching(desk.watchIndex(), console)
    case "index rebuild": try await Reports.indexing(desk.rebuildIndex(), console)
    case "index remove": try await remove()
    case "index status": try await indexStatus()
    case "index verify": try await verify()
    case "search": try await search()
    case "ask": try await ask()
    case "embed": try await embed()
    case "sessions", "sessions list": try await sessions()
    case "sessions show": try await showSession()
    case "sessions export": try await exportSession()
    case "sessions remove": try await removeSessions()
    case "models", "models list": try await models()
    case "models show": try showModel()
    case "models why": try await why()
    case "models pull": try await pull()
    case "models verify": try await verifyModel()
    case "models remove": try await removeModel()
    case "status": try await status()
    case "eval retrieval": try await evaluate()
    case "bench": try await bench()
    case "inspect model": try inspectModel()
    case "inspect tokens": try inspectTokens()
    case "inspect logits": try await inspectLogits()
    case "inspect harmony-render": try harmonyRender()
    case "inspect harmony-stream": try harmonyStream()
    case let name: throw UsageError("`carrel \(name)` is not a command that runs by itself.")
    }
  }

  var wantsJSON: Bool { invocation.has("--json") }

  // MARK: Index

  /// The paths given, all of which must exist: a slip of the pen should not index half.
  private func existing() throws -> [String] {
    for path in invocation.arguments where !FileManager.default.fileExists(atPath: path) {
      // What was no UTF-8 in an argument has become this character.
      let why =
        path.contains("\u{fffd}") ? " Names must be UTF-8: rename it, or name its folder." : ""
      throw CarrelError(.failed, "There is no file or folder \(path).\(why)")
    }
    return invocation.arguments
  }

  private func remove() async throws {
    let count = try await desk.removeFromIndex(invocation.arguments)
    console.remark(
      count == 0
        ? "Nothing of this was in the index."
        : "\(count == 1 ? "1 file" : "\(Format.count(count)) files") left the index.")
  }

  private func indexStatus() async throws {
    if wantsJSON {
      console.json(JSONForms.index(try await desk.indexReport(checkingDisk: true)))
    } else {
      try await Reports.index(desk, console)
    }
  }

  private func verify() async throws {
    let desk = desk
    let problems = try await Interruption.run { try await desk.verifyIndex() }
    if wantsJSON {
      console.json(
        .object([
          ("ok", .bool(problems.isEmpty)), ("problems", .array(problems.map { .string($0) })),
        ]))
    } else {
      for problem in problems { console.line(Sanitizer.line(problem)) }
    }
    if !problems.isEmpty {
      throw CarrelError(
        .failed, "The index does not agree with itself; `carrel index rebuild` makes it anew.")
    }
    console.remark("The index agrees with itself.")
  }

  // MARK: Search and answers

  private func search() async throws {
    let desk = desk
    let query = invocation.joined
    let limit = invocation.integer("--limit") ?? 8
    let scope = SearchScope(settings: invocation.settings)
    let sides = invocation.text("--mode").flatMap(SearchSides.init(rawValue:)) ?? .hybrid
    let report = try await Interruption.run {
      try await desk.search(query, limit: limit, sides: sides, scope: scope)
    }
    if wantsJSON {
      console.json(JSONForms.search(report))
    } else {
      if report.mode != sides {
        console.remark(
          report.mode == .semantic
            ? "Searched by meaning only: there are no words in it to look for."
            : "Searched by words only: no embedding model is installed, nothing was embedded yet, or the "
              + "model cannot read the script of the question."
        )
      }
      for correction in report.corrections { console.remark(correction) }
      console.write(Printing.hits(report, console: console))
    }
  }

  private func ask() async throws {
    let desk = desk
    let model = invocation.text("--model")
    console.status.show("loading the model", now: true)
    let conversation = try await Interruption.run {
      try await desk.openConversation(model: model, keptAs: nil)
    }
    console.status.clear()
    let options = AskOptions(settings: invocation.settings)
    let stop = StopFlag()
    let quiet = Console(out: { _ in }, error: { _ in }, status: console.status)
    var printer = AnswerPrinter(console: wantsJSON ? quiet : console)
    var isCancelled = false
    try await Interruption.flagging(stop) {
      for try await event in conversation.ask(invocation.joined, options: options, stop: stop) {
        printer.take(event)
        guard case .done(let answer) = event else { continue }
        isCancelled = answer.stop == .cancelled
        if wantsJSON { console.json(JSONForms.answer(answer)) }
      }
    }
    if isCancelled { throw CancellationError() }
  }

  private func embed() async throws {
    let reader = JSONLineReader<TextLine>(readLine)
    // Batches: the encoder sorts by length inside one call. Whoever writes one line and waits gets an answer.
    while let lines = try reader.next(atMost: 64, while: hasLine) {
      for vector in try await desk.embed(lines.map(\.text)) {
        console.json(.object([("embedding", .array(vector.map { .single($0) }))]))
      }
    }
  }
}

/// `{"text": …}`
struct TextLine: Decodable { let text: String }

/// JSON lines from standard input, with the number of the line in every complaint.
final class JSONLineReader<Line: Decodable> {
  private let readLine: () -> String?
  private var number = 0
  /// What the line after those given last was.
  private var failure: CarrelError?

  init(_ readLine: @escaping () -> String?) { self.readLine = readLine }

  /// The next lines, blank ones left out; nil at the end. More than one only while there are more; those
  /// before one that makes no sense are given before it is complained of.
  func next(atMost count: Int, while hasMore: () -> Bool = { true }) throws -> [Line]? {
    if let failure { throw failure }
    var result: [Line] = []
    while result.count < count, result.isEmpty || hasMore(), let text = readLine() {
      number += 1
      if !text.contains(where: { !$0.isWhitespace }) { continue }
      do {
        result.append(try JSONDecoder().decode(Line.self, from: Data(text.utf8)))
      } catch {
        let complaint = CarrelError(
          .failed,
          "Line \(number) of standard input is not the JSON that was expected: "
            + DisplayWidth.truncate(Sanitizer.line(text), to: 60))
        if result.isEmpty { throw complaint }
        failure = complaint
        break
      }
    }
    return result.isEmpty ? nil : result
  }
}
