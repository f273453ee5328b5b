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
    SignalMonitor.shared.start()
    let environment = ProcessInfo.processInfo.environment
    let invocation: Invocation
    do {
      invocation = try CommandLineParser.parse(words)
    } catch {
      let plain = Console.standard(
        color: .auto, quiet: false, verbose: false, plain: false, environment: environment)
      plain.failure(error.description)
      return 2
    }
    let isREPL = invocation.command.path.isEmpty
    let isTerminal =
      TerminalDevice.isTerminal(STDIN_FILENO) && TerminalDevice.isTerminal(STDOUT_FILENO)
    let console = Console.standard(
      color: invocation.text("--color").flatMap(Style.Choice.init(rawValue:)) ?? .auto,
      quiet: invocation.has("--quiet"), verbose: invocation.has("--verbose"),
      plain: isREPL && !isTerminal, environment: environment)
    SignalMonitor.shared.onEnd { console.status.clear() }
    if let code = printText(invocation, console) { return code }

    let workspace = Workspace(settings(invocation, environment))
    if isREPL {
      return await repl(invocation, workspace, console, environment, isTerminal: isTerminal)
    }
    var input = PlainLineReader()
    return await CommandRunner(
      invocation, console: console, desk: workspace, environment: environment,
      readLine: { input.next() }
    ).run()
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

  private static func settings(
    _ invocation: Invocation, _ environment: [String: String]
  ) -> WorkspaceSettings {
    var settings = WorkspaceSettings.resolve(
      models: invocation.text("--models"), index: invocation.text("--index"),
      environment: environment)
    settings.threads = invocation.integer("--threads")
    settings.context = invocation.integer("--context")
    settings.seed = invocation.integer("--seed").map { UInt64($0) }
    settings.temperature = invocation.number("--temperature").map { Float($0) }
    settings.exactKernels = invocation.text("--kernels") == "exact"
    settings.force = invocation.has("--force")
    settings.model = invocation.text("--model")
    return settings
  }

  @MainActor private static func repl(
    _ invocation: Invocation, _ workspace: Workspace, _ console: Console,
    _ environment: [String: String], isTerminal: Bool
  ) async -> Int32 {
    let counter = SourceCounter()
    let isDumb = (environment["TERM"] ?? "dumb") == "dumb"
    let lines: any LineSource
    if isTerminal, !isDumb {
      let keeps = !invocation.has("--no-history")
      let path = keeps ? Location.stateFolder(environment).map { $0 + "/history" } : nil
      let completer = REPLCompleter(
        models: {
          let models = (try? workspace.models()) ?? []
          return models.filter { $0.path != nil && $0.role == "generate" }.map(\.id)
        }, sourceCount: { counter.value })
      lines = EditedLines(
        history: History(path: path, isEnabled: true), style: console.style,
        completer: { completer.complete($0, $1) })
    } else {
      lines = PlainLines(isInteractive: isTerminal)
    }
    let start = REPL.Start(model: invocation.text("--model"), options: askOptions(invocation))
    let repl = REPL(
      desk: workspace, console: console, lines: lines, start: start,
      onSources: { counter.value = $0 })
    return await repl.run()
  }
}
