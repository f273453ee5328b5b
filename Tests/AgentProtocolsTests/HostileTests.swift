import AgentProtocols
import Foundation
import Testing

/// The built program under messages nobody sensible sends.
@Suite("A thousand hostile messages", .serialized)
struct HostileTests {
  /// A running server and what it said.
  private final class Server {
    let process = Process()
    private let input = Pipe()
    private let output: String
    private let readEnd: FileHandle?

    init(_ command: String, folder: String) throws {
      output = folder + "/\(command).out"
      _ = FileManager.default.createFile(atPath: output, contents: nil)
      readEnd = FileHandle(forReadingAtPath: output)
      process.executableURL = URL(filePath: try ClientTests.carrel)
      process.arguments = [command, "--max-tokens", "8"]
      process.environment = try ClientTests.environment(folder)
      process.currentDirectoryURL = URL(filePath: folder)
      process.standardInput = input
      process.standardOutput = FileHandle(forWritingAtPath: output)
      process.standardError = FileHandle(forWritingAtPath: "/dev/null")
      try process.run()
    }

    func send(_ bytes: [UInt8]) throws {
      try input.fileHandleForWriting.write(contentsOf: Data(bytes + [0x0A]))
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Waits until the request of this id was answered.
    func answered(_ id: String, seconds: Double = 20) throws -> Bool {
      let end = Date.now.addingTimeInterval(seconds)
      while end > .now {
        let said = try String(contentsOfFile: output, encoding: .utf8)
        if said.contains("\"id\":\"\(id)\"") { return true }
        usleep(5000)
      }
      return false
    }

    /// Resident bytes of memory that is not a mapped file.
    var memory: Int {
      let path = "/proc/\(process.processIdentifier)/status"
      let status = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
      let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
      return (line?.split(separator: " ").compactMap { Int($0) }.first ?? 0) * 1024
    }

    var lines: [JSONValue?] {
      get throws {
        try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n")
          .map { try? JSONReader.read(Array($0.utf8)) }
      }
    }

    /// Ends the input and waits for the exit code; nil when it does not end.
    func end() -> Int32? {
      try? input.fileHandleForWriting.close()
      let end = Date.now.addingTimeInterval(10)
      while process.isRunning, end > .now { usleep(2000) }
      guard !process.isRunning else {
        process.terminate()
        return nil
      }
      return process.terminationReason == .exit ? process.terminationStatus : nil
    }
  }

  private static let methods = [
    "initialize", "authenticate", "session/new", "session/load", "session/resume", "session/list",
    "session/delete", "session/close", "session/prompt", "session/set_mode", "session/cancel",
    "session/set_config_option", "$/cancel_request", "_carrel/models", "_carrel/unload",
    "_carrel/load", "_carrel/x", "tools/list", "tools/call", "resources/list", "resources/read",
    "resources/templates/list", "server/discover", "ping", "notifications/cancelled", "", "\u{0}",
  ]

  private static let names = [
    "sessionId", "cwd", "mcpServers", "prompt", "protocolVersion", "modeId", "configId", "value",
    "cursor", "uri", "name", "arguments", "_meta", "requestId", "model", "query", "chunk", "path",
  ]

  /// One message: well formed, of random shape, broken, or enormous.
  private static func message(
    _ number: Int, session: String, _ random: inout some RandomNumberGenerator
  ) -> [UInt8] {
    func params() -> JSONValue {
      var members: [String: JSONValue] = [:]
      for _ in 0..<Int.random(in: 0...5, using: &random) {
        members[names.randomElement(using: &random) ?? ""] = JSONTests.random(depth: 3, &random)
      }
      if Bool.random(using: &random) { members["sessionId"] = .string(session) }
      if Bool.random(using: &random) { members["cwd"] = "/tmp" }
      if Bool.random(using: &random) { members["mcpServers"] = [] }
      if Int.random(in: 0..<8, using: &random) == 0 {
        members["prompt"] = [["type": "text", "text": "/why"]]
      }
      if Int.random(in: 0..<4, using: &random) == 0 {
        members["_meta"] = [
          "io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientCapabilities": [:],
        ]
        members["name"] = ["search_documents", "read_chunk", "index_path"].randomElement(
          using: &random
        )
        .map { .string($0) }
      }
      return .object(members)
    }
    let method = methods.randomElement(using: &random) ?? ""
    var call: JSONValue = [
      "jsonrpc": "2.0", "id": .integer(number), "method": .string(method), "params": params(),
    ]
    switch Int.random(in: 0..<20, using: &random) {
    case 0..<9: return call.bytes
    case 9: return call.adding(["id": JSONTests.random(depth: 2, &random)]).bytes
    case 10: return call.adding(["params": JSONTests.random(depth: 3, &random)]).bytes
    case 11: return call.adding(["method": JSONTests.random(depth: 1, &random)]).bytes
    case 12: return JSONTests.random(depth: 4, &random).bytes
    case 13:
      return JSONValue.array((0..<Int.random(in: 0..<20, using: &random)).map { _ in call }).bytes
    case 14:
      call = ["jsonrpc": "2.0", "method": .string(method), "params": params()]
      return call.bytes
    case 15:
      var bytes = call.bytes
      for _ in 0..<Int.random(in: 1...5, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(
          in: 0...255, using: &random)
      }
      return bytes
    case 16: return Array(call.bytes.prefix(Int.random(in: 0..<call.bytes.count, using: &random)))
    case 17:
      return (0..<Int.random(in: 1..<200, using: &random)).map { _ in
        .random(in: 0...255, using: &random)
      }
    case 18:
      return Array(repeating: UInt8(ascii: "["), count: Int.random(in: 1...50_000, using: &random))
    default:
      guard Int.random(in: 0..<10, using: &random) == 0 else { return [] }
      return Array(#"{"jsonrpc":"2.0","id":1,"method":""#.utf8)
        + Array(repeating: UInt8(ascii: "x"), count: 9 << 20) + Array("\"}".utf8)
    }
  }

  @Test("No crash, no hang, no leak, every line it says is a message", arguments: ["acp", "mcp"])
  func thousand(command: String) throws {
    try ClientTests.withFolder { folder in
      let soak = ProcessInfo.processInfo.environment["CARREL_SOAK"] == "1"
      let server = try Server(command, folder: folder)
      var random = SystemRandomNumberGenerator()
      var session = "none"
      func round(_ count: Int, _ name: String) throws {
        for number in 0..<count {
          try server.send(Self.message(number, session: session, &random))
        }
        try server.send(#"{"jsonrpc":"2.0","id":"\#(name)","method":"no/such/method"}"#)
        #expect(try server.answered(name), "\(name) was not answered")
      }
      if command == "acp" {
        try server.send(
          #"{"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":1}}"#)
        try server.send(
          #"{"jsonrpc":"2.0","id":"n","method":"session/new","params":{"cwd":"/tmp","mcpServers":[]}}"#
        )
        #expect(try server.answered("n"))
        session =
          try server.lines.compactMap { $0?["result"]?["sessionId"]?.string }.first ?? "none"
      } else {
        try server.send(
          #"{"jsonrpc":"2.0","id":"i","method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#
        )
        #expect(try server.answered("i"))
      }
      try round(soak ? 10_000 : 400, "warm")
      let before = server.memory
      try round(soak ? 100_000 : 1000, "end")
      let grown = server.memory - before
      #expect(grown < (soak ? 96 : 48) << 20, "grew by \(grown >> 20) MiB")
      #expect(server.end() == 0, "the end of input is exit 0")
      let lines = try server.lines
      #expect(lines.count > 500 && !lines.contains { $0 == nil })
      for case let message? in lines {
        for one in message.array ?? [message] { #expect(one["jsonrpc"] == "2.0") }
      }
    }
  }

  @Test(
    "Closed pipes end it: in the middle of a message, and when nobody listens",
    arguments: ["acp", "mcp"])
  func closed(command: String) throws {
    try ClientTests.withFolder { folder in
      let half = try Server(command, folder: folder)
      try half.send(#"{"jsonrpc":"2.0","id":1,"meth"#)
      #expect(half.end() == 0)
      let silent = try Server(command, folder: folder)
      #expect(silent.end() == 0)

      let process = Process()
      process.executableURL = URL(filePath: try ClientTests.carrel)
      process.arguments = [command]
      process.environment = try ClientTests.environment(folder)
      let (input, output) = (Pipe(), Pipe())
      process.standardInput = input
      process.standardOutput = output
      process.standardError = FileHandle(forWritingAtPath: "/dev/null")
      try process.run()
      try output.fileHandleForReading.close()
      try output.fileHandleForWriting.close()
      signal(SIGPIPE, SIG_IGN)
      for _ in 0..<3 {
        try? input.fileHandleForWriting.write(contentsOf: Data("{}\n".utf8))
        usleep(20_000)
      }
      let end = Date.now.addingTimeInterval(10)
      while process.isRunning, end > .now { usleep(2000) }
      #expect(!process.isRunning && process.terminationStatus == 0, "nobody listens: it ends")
      if process.isRunning { process.terminate() }
    }
  }
}
