import Foundation
import Testing

/// The program under real limits, and its arithmetic beside the kernel's.
@Suite("Memory, as the kernel sees it", .serialized)
struct MemoryLimitTests {
  private static let model = "smollm2-135m-instruct-q4_1"

  /// `carrel` in a shell with `ulimit -v`, in KiB.
  private func underLimit(_ kib: Int, _ arguments: [String]) throws -> Program.Result {
    let carrel = try Program.carrel
    return try Program.run(
      "/bin/sh",
      ["-c", "ulimit -v \(kib); exec \"$0\" \"$@\"", carrel, "--models", try Program.models]
        + ["--index", "/nonexistent/carrel-index"] + arguments, seconds: 10)
  }

  @Test(
    "Under any limit of addresses it answers or refuses with code 3, and is never killed",
    arguments: [100, 200, 256, 400, 550, 1200])
  func addressLimit(mib: Int) throws {
    let result = try underLimit(
      mib << 10,
      ["ask", "--no-retrieval", "--max-tokens", "4", "--json", "--model", Self.model, "Hello"])
    #expect([0, 3].contains(result.code), "\(mib) MiB: \(result.code) \(result.error.suffix(600))")
    if result.code == 3 {
      #expect(result.error.contains("ulimit -v") && result.error.contains("MiB"), "\(result.error)")
    }
    if mib >= 1200 { #expect(result.code == 0, "\(result.error)") }
  }

  @Test("Looking at what models need leaves no file mapped, and files are counted whole")
  func looking() throws {
    let result = try underLimit(1200 << 10, ["models", "why"])
    let used = try #require(result.output.firstMatch(of: /- ([0-9.]+) MiB in use/)?.output.1)
    // The starter models' files together are 335 MiB.
    #expect(Double(used)! < 200, "\(result.output)")
    let weights = try #require(result.output.firstMatch(of: /weights ([0-9.]+) MiB/)?.output.1)
    #expect(Double(weights)! > 90, "\(result.output)")
    let free = try Program.run(
      Program.carrel, ["--models", Program.models, "models", "why"], seconds: 10)
    let screened = try #require(free.output.firstMatch(of: /weights ([0-9.]+) MiB/)?.output.1)
    #expect(Double(screened)! < 70, "\(free.output)")
  }

  @Test("A smaller limit steps the context down before it refuses, and says so")
  func stepsDown() throws {
    var contexts: [Int] = []
    for mib in stride(from: 400, through: 900, by: 100) {
      let result = try underLimit(
        mib << 10, ["models", "why", "--context", "8192", "--json"])
      guard result.code == 0 else { continue }
      let report = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
      let object = try #require(report as? [String: Any])
      let candidates = try #require(object["candidates"] as? [[String: Any]])
      guard let candidate = candidates.first(where: { $0["id"] as? String == Self.model }),
        candidate["fits"] as? Bool == true
      else { continue }
      contexts.append(try #require(candidate["context"] as? Int))
    }
    #expect(contexts == contexts.sorted(), "more room is never less context: \(contexts)")
    #expect(contexts.last == 8192, "\(contexts)")
    #expect(Set(contexts).count > 1, "some limit lies in between: \(contexts)")
  }

  @Test("With weights that may not be locked it says so once and goes on")
  func lock() throws {
    let result = try Program.run(
      "/bin/sh",
      ["-c", "ulimit -l 64; exec \"$0\" \"$@\"", try Program.carrel, "--models", Program.models]
        + ["--mlock", "ask", "--no-retrieval", "--max-tokens", "4", "--model", Self.model, "Hello"])
    #expect(result.code == 0, "\(result.error)")
    // The superuser may lock what it likes.
    if getuid() != 0 {
      #expect(result.error.contains("cannot be locked"), "\(result.error)")
      #expect(result.error.contains("ulimit -l"))
    }
  }

  @Test(
    "What the gate expects is within 5 % of what the kernel reports, each kind and the peak",
    arguments: [
      (Self.model, 2048, "q16"), (Self.model, 8192, "q16"), (Self.model, 8192, "q8"),
      ("gemma-3-270m-q4_k_m", 2048, "q16"), ("gemma-3-270m-q4_k_m", 8192, "q16"),
      ("gemma-3-270m-q4_k_m", 8192, "q8"),
    ])
  func prediction(model: String, context: Int, kv: String) throws {
    let result = try Program.run(
      try Program.carrel,
      ["--models", try Program.models, "bench", "memory", "--model", model, "--kv", kv]
        + ["--context", String(context), "--fill", "1024", "--json"])
    try #require(result.code == 0, "\(result.error)")
    let report = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
    let rows = try #require((report as? [String: Any])?["rows"] as? [[String: Any]])
    func value(_ metric: String) throws -> Double {
      let row = try #require(rows.first { ($0["metric"] as? String)?.hasPrefix(metric) == true })
      return try #require(row["median"] as? Double)
    }
    #expect(rows.allSatisfy { ($0["threads"] as? Int ?? 0) > 0 })
    for kind in ["anonymous", "mapped", "peak"] {
      let expected = try value("\(kind) expected")
      let measured = try value("\(kind) measured")
      #expect(
        abs(measured - expected) <= 0.05 * expected,
        "\(model) at \(context) in \(kv), \(kind): expected \(expected) MiB, measured \(measured) MiB"
      )
    }
  }
}
