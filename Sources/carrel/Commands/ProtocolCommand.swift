import AgentProtocols
import CarrelKit
import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// `carrel acp` and `carrel mcp`: serve one client over standard input and output until it leaves.
enum ProtocolCommand {
  /// nil when the invocation is another command.
  static func run(_ invocation: Invocation, _ workspace: Workspace) async -> Int32? {
    let name = invocation.command.name
    guard name == "acp" || name == "mcp" else { return nil }
    // Nothing but messages may reach the client: what anything else prints goes to standard error.
    let output = dup(STDOUT_FILENO)
    guard output >= 0 else { return 1 }
    dup2(STDERR_FILENO, STDOUT_FILENO)
    let connection = RPCConnection(input: STDIN_FILENO, output: output)
    if name == "acp" {
      await ACPAgent.serve(workspace, on: connection, version: CommandTable.version)
    } else {
      let here = FileManager.default.currentDirectoryPath
      let allowed = invocation.arguments.map { $0.hasPrefix("/") ? $0 : here + "/" + $0 }
      await MCPServer.serve(
        workspace, on: connection, allowing: allowed, version: CommandTable.version)
    }
    return 0
  }
}
