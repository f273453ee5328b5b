import Foundation
import Testing

/// The built program with the starter model, spoken to by the reference clients of both protocols.
@Suite("Real clients", .serialized)
struct ClientTests {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  /// The executable that was built together with these tests.
  static var carrel: String {
    get throws {
      var folders = [
        URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
      ]
      for argument in CommandLine.arguments where argument.contains(".xctest") {
        folders.append(URL(filePath: argument).deletingLastPathComponent().path)
      }
      folders.append(root + "/.build/release")
      let found = folders.map { $0 + "/carrel" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }
      return try #require(found, "no carrel beside the tests: \(folders)")
    }
  }

  /// Variables a program of ours runs with: the starter models, everything else in `folder`.
  static func environment(_ folder: String) throws -> [String: String] {
    var environment = ProcessInfo.processInfo.environment
    let models = environment["CARREL_MODELS"] ?? root + "/Models"
    let file = "/smollm2-135m-instruct-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf"
    try #require(
      FileManager.default.fileExists(atPath: models + file),
      "\(models)\(file) is missing; `make models` fetches it")
    environment["CARREL_MODELS"] = models
    environment["CARREL_INDEX"] = folder + "/index"
    environment["HOME"] = folder
    environment["XDG_STATE_HOME"] = folder + "/state"
    return environment
  }

  /// An empty folder, removed when `body` ends.
  static func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "carrel-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  @Test(
    "Clients of the Python packages find everything as they expect it", arguments: ["acp", "mcp"])
  func client(name: String) throws {
    try Self.withFolder { folder in
      var environment = try Self.environment(folder)
      let packages = environment["CARREL_PYTHON"] ?? Self.root + "/.build/python"
      try #require(
        FileManager.default.fileExists(atPath: packages + "/acp"),
        "\(packages) lacks the reference clients; `make test` installs them")
      environment["PYTHONPATH"] = packages
      environment["PYTHONDONTWRITEBYTECODE"] = "1"
      let work = folder + "/work"
      try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = [
        "python3", Self.root + "/Tests/AgentProtocolsTests/Clients/\(name)_client.py",
        try Self.carrel, work,
      ]
      process.environment = environment
      process.currentDirectoryURL = URL(filePath: work)
      let log = folder + "/log"
      _ = FileManager.default.createFile(atPath: log, contents: nil)
      let handle = try #require(FileHandle(forWritingAtPath: log))
      process.standardOutput = handle
      process.standardError = handle
      process.standardInput = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      let said = try String(contentsOfFile: log, encoding: .utf8)
      #expect(process.terminationStatus == 0 && said.contains("all held"), "\(said)")
    }
  }
}
