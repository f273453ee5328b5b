// Runs one case of the fake hub and says what was wrong with how it went; nothing when all was well.

import Foundation
import Glibc
import Registry
import Storage
import Testing

enum DigestOracle {
  static func sha256(_ bytes: UnsafeRawBufferPointer) -> String { SHA256.hexDigest(bytes) }
}

struct CaseResult: Sendable {
  var outcome = ""
  var problems: [String] = []
  /// Bytes sent beyond the files' size, as a share of it, for each kill.
  var repeatedShare: Double?
}

enum CaseRunner {
  /// A download in this process.
  static func run(seed: Int, kind: String? = nil) async throws -> CaseResult {
    let server = try FakeHub.shared.get()
    let hub = try server.newCase(seed: seed, kind: kind)
    defer { server.forget(hub) }
    let cache = TemporaryCache()
    defer { cache.remove() }
    let downloader = Downloader(settings: try hub.settings(cache: cache))
    var result = CaseResult()
    func wrong(_ text: String) {
      result.problems.append("seed \(seed) (\(hub.kind), \(hub.faults)): \(text)")
    }
    var last: DownloadProgress?
    var snapshot: String?
    do {
      for try await event in downloader.fetch(try HubReference(hub.repository)) {
        switch event {
        case .planned(let plan):
          if Set(plan.files.map(\.path)) != Set(hub.wanted) { wrong("chose \(plan.files)") }
        case .progress(let now):
          if now.bytes < last?.bytes ?? 0 { wrong("progress went back to \(now.bytes)") }
          if now.bytes > now.total { wrong("progress beyond the total: \(now)") }
          last = now
        case .verifying(let bytes, let total):
          if bytes > total { wrong("verified \(bytes) of \(total)") }
        case .finished(let path): snapshot = path
        default: continue
        }
      }
      result.outcome = "ready"
      if hub.expect == "error" { wrong("ready, expected one of \(hub.codes)") }
      guard let snapshot else {
        wrong("ended without a snapshot")
        return result
      }
      if let problem = hub.problem(with: snapshot) { wrong(problem) }
      if last?.bytes != hub.wantedBytes { wrong("last progress \(String(describing: last))") }
    } catch {
      check(error, hub: hub, cache: cache, into: &result, wrong)
    }
    let stats = try server.stats(hub)
    if stats.leaks > 0 { wrong("a token reached the delivery network") }
    return result
  }

  private static func check(
    _ error: any Error, hub: HubCase, cache: TemporaryCache, into result: inout CaseResult,
    _ wrong: (String) -> Void
  ) {
    guard let error = error as? HubError else { return wrong("an unexpected error: \(error)") }
    let code = String(describing: error.code).split(separator: "(").first.map(String.init) ?? ""
    result.outcome = "error \(code)"
    if hub.expect == "exact" { wrong("failed: \(error)") }
    if !hub.codes.isEmpty, !hub.codes.contains(code) { wrong("code \(code), text \(error)") }
    let text = error.description
    if text.isEmpty || text.contains("\n") || text.utf8.count > 500 { wrong("unclear: \(text)") }
    let visible = cache.visible(of: hub.repository)
    if !visible.isEmpty { wrong("visible after an error: \(visible)") }
  }

  // MARK: kill -9

  /// A client process killed one to four times at random points, then left to finish.
  static func runKilled(seed: Int, kind: String) async throws -> CaseResult {
    let server = try FakeHub.shared.get()
    let hub = try server.newCase(seed: seed, kind: kind, size: 8_000_000)
    defer { server.forget(hub) }
    let cache = TemporaryCache()
    defer { cache.remove() }
    var random = SeededGenerator(seed: UInt64(seed))
    var result = CaseResult()
    func wrong(_ text: String) {
      result.problems.append("seed \(seed) (\(hub.kind), \(hub.faults)): \(text)")
    }
    func sent() throws -> Int { try server.stats(hub).sent.values.reduce(0, +) }

    var kills = 0
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let before = try sent()
      let left = hub.wantedBytes - before
      guard left > 200_000 else { break }
      let target = before + Int.random(in: 0...(left * 3 / 4), using: &random)
      let client = try ProbeProcess(hub, cache: cache)
      while client.isRunning, try sent() < target {
        try await Task.sleep(for: .milliseconds(3))
      }
      if client.kill() { kills += 1 }
      let visible = cache.visible(of: hub.repository)
      if client.wasKilled, !visible.isEmpty {
        // The kill came between the links and the exit: then all of them must be right.
        let snapshot =
          cache.path + "/models--"
          + hub.repository.replacingOccurrences(of: "/", with: "--") + "/snapshots/\(hub.commit)"
        if let problem = hub.problem(with: snapshot) { wrong("visible after a kill: \(problem)") }
      }
    }
    let last = try ProbeProcess(hub, cache: cache)
    while last.isRunning { try await Task.sleep(for: .milliseconds(5)) }
    let output = last.output()
    result.outcome = output.split(separator: " ").first.map(String.init) ?? "nothing"
    guard output.hasPrefix("ready "), let line = output.split(separator: "\n").first else {
      wrong("after \(kills) kills: \(output)")
      return result
    }
    if let problem = hub.problem(with: String(line.dropFirst(6))) { wrong(problem) }
    let repeated = try sent() - hub.wantedBytes
    // Faults make a server send bytes again for reasons of their own.
    if hub.faults.isEmpty, kills > 0 {
      let share = Double(repeated) / Double(hub.wantedBytes) / Double(kills)
      result.repeatedShare = share
      if share > 0.05 { wrong("\(repeated) bytes came twice after \(kills) kills") }
    }
    return result
  }
}

/// The client executable, built beside this test's own binary.
final class ProbeProcess {
  private let process = Process()
  private let pipe = Pipe()
  private(set) var wasKilled = false

  init(
    _ hub: HubCase, cache: TemporaryCache, environment: [String: String] = [:]
  ) throws {
    var buffer = [CChar](repeating: 0, count: 4097)
    let count = readlink("/proc/self/exe", &buffer, 4096)
    try #require(count > 0)
    let me = String(decoding: buffer[..<count].map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    let folder = URL(fileURLWithPath: me).deletingLastPathComponent()
    process.executableURL = folder.appendingPathComponent("DownloadProbe")
    process.arguments = [hub.repository]
    process.environment = hub.environment(cache: cache).merging(environment) { $1 }
    process.standardOutput = pipe
    try process.run()
  }

  var isRunning: Bool { process.isRunning }

  /// Kills it the hard way; false when it had ended by itself.
  func kill() -> Bool {
    guard process.isRunning else { return false }
    Glibc.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    wasKilled = process.terminationReason == .uncaughtSignal
    return wasKilled
  }

  func output() -> String {
    process.waitUntilExit()
    return String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  }
}

/// SplitMix64: the same numbers on every machine.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
