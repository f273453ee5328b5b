// The fake hub of FakeHub/ as the tests see it: started once, asked for cases by seed.

import Foundation
import Glibc
import Registry
import TestSupport
import Testing

/// One case the hub made up, as its JSON says.
struct HubCase: Decodable, Sendable {
  struct File: Decodable, Sendable {
    let path: String
    let size: Int
    let sha256: String
    let large: Bool
  }
  let `case`: Int
  let endpoint: String
  let repository: String
  let commit: String
  let kind: String
  let expect: String
  let codes: [String]
  let needsToken: Bool
  let faults: [String]
  let files: [File]
  let wanted: [String]

  var wantedFiles: [File] { files.filter { wanted.contains($0.path) } }
  var wantedBytes: Int { wantedFiles.reduce(0) { $0 + $1.size } }
}

struct HubStats: Decodable, Sendable {
  let leaks: Int
  /// Requests that came in a proxy's form.
  let proxied: Int
  let requests: Int
  /// Bytes of bodies sent, by path.
  let sent: [String: Int]
}

/// The hub's process; it ends when this process does, because its standard input closes.
final class FakeHub: Sendable {
  static let shared = Result { try FakeHub() }

  let port: UInt16
  private let input: FileHandle

  private init() throws {
    let script = try #require(
      Bundle.module.path(forResource: "fakehub", ofType: "py", inDirectory: "FakeHub"))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-I", "-S", script]
    let (toHub, fromHub) = (Pipe(), Pipe())
    process.standardInput = toHub
    process.standardOutput = fromHub
    try process.run()
    input = toHub.fileHandleForWriting
    _ = fcntl(input.fileDescriptor, F_SETFD, FD_CLOEXEC)
    var line = Data()
    while !line.contains(10) {
      let more = fromHub.fileHandleForReading.availableData
      try #require(!more.isEmpty, "the fake hub did not start; is python3 there?")
      line.append(more)
    }
    let ports = String(decoding: line, as: UTF8.self).split { $0 == " " || $0 == "\n" }
    port = try #require(ports.first.flatMap { UInt16($0) })
  }

  func newCase(seed: Int, kind: String? = nil, size: Int? = nil) throws -> HubCase {
    let query =
      "/_new?seed=\(seed)" + (kind.map { "&kind=\($0)" } ?? "") + (size.map { "&size=\($0)" } ?? "")
    return try JSONDecoder().decode(HubCase.self, from: get(query))
  }

  func stats(_ hub: HubCase) throws -> HubStats {
    try JSONDecoder().decode(HubStats.self, from: get("/_stats?case=\(hub.case)"))
  }

  func forget(_ hub: HubCase) { _ = try? get("/_forget?case=\(hub.case)") }

  /// The body of one GET, over a socket of our own: the code under test has no part in it.
  private func get(_ path: String) throws -> Data {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    try #require(connected == 0, "no connection to the fake hub")
    let request = Array("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".utf8)
    try #require(write(descriptor, request, request.count) == request.count)
    var answer = Data()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count <= 0 { break }
      answer.append(contentsOf: buffer[..<count])
    }
    let end = try #require(answer.range(of: Data("\r\n\r\n".utf8)))
    return Data(answer[end.upperBound...])
  }
}

/// A cache folder of its own, removed at the end.
final class TemporaryCache: Sendable {
  let path: String

  init() {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("carrel-hub-\(UUID().uuidString)")
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    path = folder.path
  }

  deinit { remove() }

  /// Call it in a `defer`: an object may go as soon as it is last used, long before a download that
  /// knows only its path has ended and made the folder anew.
  func remove() { try? FileManager.default.removeItem(atPath: path) }

  /// Paths of everything visible under snapshots/, links and all.
  func visible(of repository: String) -> [String] {
    let folder = path + "/models--" + repository.replacingOccurrences(of: "/", with: "--")
    let all = FileManager.default.enumerator(atPath: folder + "/snapshots")
    return (all?.compactMap { $0 as? String } ?? []).filter { name in
      let full = folder + "/snapshots/" + name
      var status = stat()
      return lstat(full, &status) == 0 && status.st_mode & S_IFMT != S_IFDIR
    }.map { folder + "/snapshots/" + $0 }
  }
}

extension HubCase {
  /// What a user would have in the environment.
  func environment(cache: TemporaryCache) -> [String: String] {
    var environment = ["HF_ENDPOINT": endpoint, "HF_HUB_CACHE": cache.path, "HF_HOME": cache.path]
    if needsToken || `case` % 2 == 0 { environment["HF_TOKEN"] = " hf_test_token\n" }
    return environment
  }

  /// Those settings, with patience measured for tests.
  func settings(cache: TemporaryCache) throws -> HubSettings {
    var settings = try HubSettings(environment: environment(cache: cache))
    settings.diskMargin = 0
    settings.answerTimeout = 5
    settings.limits.retryPause = 0.005
    settings.limits.stallSeconds = 1
    settings.limits.splitBytes = 256 << 10
    settings.limits.smallestPiece = 96 << 10
    return settings
  }

  /// Why what `snapshot` shows is not exactly the wanted files; nil when it is.
  func problem(with snapshot: String) -> String? {
    guard snapshot.hasSuffix("/snapshots/\(commit)") else { return "another place: \(snapshot)" }
    for file in wantedFiles {
      guard let bytes = FileManager.default.contents(atPath: "\(snapshot)/\(file.path)") else {
        return "\(file.path) is not there"
      }
      let digest = bytes.withUnsafeBytes { DigestOracle.sha256($0) }
      guard digest == file.sha256 else { return "\(file.path) has other bytes" }
    }
    let found = FileManager.default.enumerator(atPath: snapshot)?.compactMap { $0 as? String } ?? []
    let extra = found.filter { path in
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: "\(snapshot)/\(path)", isDirectory: &isFolder)
      return !isFolder.boolValue && !wanted.contains(path)
    }
    return extra.isEmpty ? nil : "more than was asked for: \(extra)"
  }
}
