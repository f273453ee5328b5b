import Foundation
import Testing

/// Runs programs, the built `carrel` above all.
enum Program {
  struct Result: Sendable {
    let code: Int32
    let output: String
    let error: String
  }

  static var carrel: String { get throws { try built("carrel") } }

  /// An executable that was built together with these tests.
  static func built(_ name: String) throws -> String {
    var folders = [
      URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
    ]
    for argument in CommandLine.arguments where argument.contains(".xctest") {
      folders.append(URL(filePath: argument).deletingLastPathComponent().path)
    }
    folders.append(GeneratedTextTests.root.path + "/.build/release")
    let found = folders.map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
    return try #require(found, "no \(name) beside the tests: \(folders)")
  }

  /// The folder with the starter models.
  static var models: String {
    get throws {
      let folder =
        ProcessInfo.processInfo.environment["CARREL_MODELS"]
        ?? GeneratedTextTests.root.path + "/Models"
      let file = "/smollm2-135m-instruct-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf"
      try #require(
        FileManager.default.fileExists(atPath: folder + file),
        "\(folder)\(file) is missing; `make models` fetches it")
      return folder
    }
  }

  /// Runs a program to its end, or kills it after `seconds`: then its code is SIGKILL's number.
  static func run(
    _ path: String, _ arguments: [String], input: String? = nil,
    environment: [String: String] = [:], directory: String? = nil, seconds: Double = 600
  ) throws -> Result {
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    if let directory { process.currentDirectoryURL = URL(filePath: directory) }
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "carrel-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // Files instead of pipes: nothing can block on a full one.
    let names = ["in", "out", "error"].map { folder.appending(path: $0) }
    try Data((input ?? "").utf8).write(to: names[0])
    for name in names[1...] { _ = FileManager.default.createFile(atPath: name.path, contents: nil) }
    process.standardInput = try FileHandle(forReadingFrom: names[0])
    process.standardOutput = try FileHandle(forWritingTo: names[1])
    process.standardError = try FileHandle(forWritingTo: names[2])
    try process.run()
    let end = ContinuousClock.now + .seconds(seconds)
    while process.isRunning, ContinuousClock.now < end { usleep(5000) }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    return Result(
      code: process.terminationStatus,
      output: String(decoding: try Data(contentsOf: names[1]), as: UTF8.self),
      error: String(decoding: try Data(contentsOf: names[2]), as: UTF8.self))
  }
}
