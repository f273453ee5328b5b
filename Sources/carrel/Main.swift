import CarrelKit
import FoundationEssentials
import Terminal

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

@main
struct Main {
  static func main() async {
    exit(await run(Array(CommandLine.arguments.dropFirst())))
  }

  @MainActor static func run(_ words: [String]) async -> Int32 {
    occupyStandardDescriptors()
    // Before any thread is made: where addresses are too few, making one would hang.
    let shortage = AddressSpace.prepare()
    if shortage == nil { SignalMonitor.shared.start() }
    SignalMonitor.shared.onLostFile(
      """
      \ncarrel: A file that was being read, a model or a part of the index, has become shorter \
      meanwhile. Put it back and start again.\n
      """)
    let environment = ProcessInfo.processInfo.environment
    var invocation: Invocation
    do {
      invocation = try CommandLineParser.parse(words)
    } catch {
      let plain = Console.standard(
        color: .auto, quiet: false, verbose: false, plain: false, environment: environment)
      plain.failure(error.description)
      return 2
    }
    let complaints = readSettings(into: &invocation, environment)
    let isREPL = invocation.command.path.isEmpty
    let isTerminal =
      TerminalDevice.isTerminal(STDIN_FILENO) && TerminalDevice.isTerminal(STDOUT_FILENO)
    let console = Console.standard(
      color: invocation.text("--color").flatMap(Style.Choice.init(rawValue:)) ?? .auto,
      quiet: invocation.has("--quiet"), verbose: invocation.has("--verbose"),
      plain: isREPL && !isTerminal, environment: environment)
    for complaint in complaints { console.failure(complaint) }
    SignalMonitor.shared.onEnd { console.status.clear() }
    if let code = printText(invocation, console) { return code }

    if let error = shortage {
      console.failure(error.message)
      return error.code.rawValue
    }
    let workspace = Main.workspace(
      isREPL ? lasting(invocation.settings) : invocation.settings, invocation, environment)
    if isREPL {
      return await repl(invocation, workspace, console, environment, isTerminal: isTerminal)
    }
    if let code = await ProtocolCommand.run(invocation, workspace) { return code }
    var input = PlainLineReader()
    return await CommandRunner(
      invocation, console: console, desk: workspace, isTerminal: isTerminal,
      environment: environment,
      readLine: { input.next() }, hasLine: { input.hasLine() }
    ).run()
  }

  /// Where a standard stream is closed (`>&-`), the next file that is opened would take its place, and
  /// answers be written into it. Writing to what is put there instead fails.
  private static func occupyStandardDescriptors() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
      _ = open("/dev/null", O_RDONLY)
    }
  }

  /// Commands that only print: nil when the invocation is another.
  @MainActor private static func printText(_ invocation: Invocation, _ console: Console) -> Int32? {
    if invocation.has("--version") {
      console.line("carrel \(CommandTable.version)")
      return 0
    }
    let width = min(console.columns() ?? 80, 100)
    if invocation.has("--help") {
      console.write(HelpText.command(invocation.command, style: console.style, width: width))
      return 0
    }
    switch invocation.command.name {
    case "completions":
      console.write(ShellCompletions.script(for: invocation.arguments[0]) ?? "")
    case "man": console.write(ManualPage.text)
    case "help":
      let words = invocation.arguments.filter { !$0.hasPrefix("-") }
      do {
        let asked = try CommandLineParser.parse(words + ["--help"])
        console.write(HelpText.command(asked.command, style: console.style, width: width))
      } catch {
        console.failure(error.description)
        return 2
      }
    default: return nil
    }
    return 0
  }

  private static func workspace(
    _ settings: [String: String], _ invocation: Invocation, _ environment: [String: String]
  ) -> Workspace {
    var all = WorkspaceSettings(
      settings: settings, force: invocation.has("--force"), environment: environment)
    all.supposedMemory = invocation.text("--have").flatMap(Quantity.bytes)
    all.locksWeights = invocation.has("--mlock")
    return Workspace(all)
  }

  /// At the prompt, how answers are sampled is said with each question.
  private static func lasting(_ settings: [String: String]) -> [String: String] {
    settings.filter { $0.key != "temperature" && $0.key != "seed" }
  }

  /// Adds what the settings file says. Gives sentences about lines that make no sense.
  private static func readSettings(
    into invocation: inout Invocation, _ environment: [String: String]
  ) -> [String] {
    guard let path = SettingsFile.path(environment) else { return [] }
    do {
      guard let file = try SettingsFile(path: path) else { return [] }
      let (completed, problems) = invocation.completed(
        by: file, at: Location.short(path), environment: environment)
      invocation = completed
      return problems.map { $0 + "; the line is left out." }
    } catch {
      return [Sentences.outcome(of: error).message]
    }
  }

  @MainActor private static func repl(
    _ invocation: Invocation, _ workspace: Workspace, _ console: Console,
    _ environment: [String: String], isTerminal: Bool
  ) async -> Int32 {
    let counter = SourceCounter()
    let isDumb = (environment["TERM"] ?? "dumb") == "dumb"
    let values = invocation.settings
    let lines: any LineSource
    if isTerminal, !isDumb {
      let path = Location.stateFolder(environment).map { $0 + "/history" }
      let completer = REPLCompleter(
        models: {
          let models = (try? workspace.models()) ?? []
          return models.filter { $0.path != nil && $0.role == "generate" }.map(\.id)
        }, fetchable: { ((try? workspace.fetchable()) ?? []).map(\.id) },
        sessions: { (try? workspace.keptSessionIDs()) ?? [] },
        sourceCount: { counter.value })
      lines = EditedLines(
        history: History(path: path, isEnabled: values["history"] != "off"),
        style: console.style,
        completer: { completer.complete($0, $1) })
    } else {
      lines = PlainLines(isInteractive: isTerminal)
    }
    var start = REPL.Start(settings: values, resume: invocation.text("--resume"))
    start.folder = FileManager.default.currentDirectoryPath
    start.inUse = [
      "models": Location.short(workspace.settings.models),
      "index": Location.short(workspace.settings.index),
    ]
    start.makeDesk = { Main.workspace(lasting($0), invocation, environment) }
    start.makeConsole = { choice in
      Console.standard(
        color: choice, quiet: console.isQuiet, verbose: console.isVerbose, plain: !isTerminal,
        environment: environment)
    }
    let repl = REPL(
      desk: workspace, console: console, lines: lines, start: start,
      onSources: { counter.value = $0 })
    return await repl.run()
  }
}
