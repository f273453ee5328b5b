import Foundation
import Testing

/// A server on loopback; it ends when this object does, because its standard input closes.
final class EndpointProcess: Sendable {
  let port: Int
  private let input: FileHandle
  private let process: pid_t
  private let seen: URL

  /// - Parameters:
  ///   - script: a file of Fixtures, without its ending. It prints its port first.
  ///   - usesPackages: whether it needs what Tests/requirements.txt names.
  init(_ script: String, _ arguments: [String] = [], usesPackages: Bool = false) throws {
    let path = try #require(
      Bundle.module.path(forResource: script, ofType: "py", inDirectory: "Fixtures"))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    seen = FileManager.default.temporaryDirectory
      .appending(path: "carrel-endpoint-\(UUID().uuidString).jsonl")
    try Data().write(to: seen)
    process.arguments =
      ["python3"] + (usesPackages ? [] : ["-I", "-S"]) + [path] + arguments + [seen.path]
    if usesPackages {
      let packages = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: ".build/python")
      process.environment = ProcessInfo.processInfo.environment.merging(
        ["PYTHONPATH": packages.path]
      ) { $1 }
    }
    let (toServer, fromServer) = (Pipe(), Pipe())
    process.standardInput = toServer
    process.standardOutput = fromServer
    process.standardError = FileHandle.nullDevice
    try process.run()
    self.process = process.processIdentifier
    input = toServer.fileHandleForWriting
    _ = fcntl(input.fileDescriptor, F_SETFD, FD_CLOEXEC)
    var line = Data()
    while !line.contains(10) {
      let more = fromServer.fileHandleForReading.availableData
      try #require(!more.isEmpty, "\(script).py did not start; `make test` installs what it needs")
      line.append(more)
    }
    port = try #require(
      Int(String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)))
  }

  deinit {
    try? input.close()
    // What it still writes must not come back behind our back.
    for _ in 0..<2000 where kill(process, 0) == 0 { usleep(1000) }
    try? FileManager.default.removeItem(at: seen)
  }

  /// What the server saw, a line for each request.
  func log() throws -> String { try String(contentsOf: seen, encoding: .utf8) }
}
