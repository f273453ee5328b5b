import Foundation
import Registry
import Testing

/// Against the fake hub. By default a sample that takes seconds; with CARREL_SOAK set, all 500 runs,
/// with a line of figures at the end.
@Suite struct DownloadFaultTests {
  /// Every eighth run is one with a client that is killed.
  @Test("Every run ends with the exact file or a clear error, whatever the server does")
  func seededFaults() async throws {
    let isSoak = ProcessInfo.processInfo.environment["CARREL_SOAK"] != nil
    let seeds = isSoak ? 1...500 : 1...60
    var outcomes: [String: Int] = [:]
    var shares: [Double] = []
    try await withThrowingTaskGroup(of: CaseResult.self) { group in
      var next = seeds.lowerBound
      func add() {
        guard next <= seeds.upperBound else { return }
        let seed = next
        next += 1
        group.addTask {
          switch seed % 8 {
          case 3: try await CaseRunner.runKilled(seed: seed, kind: "kill")
          case 7 where seed % 16 == 7:
            try await CaseRunner.runKilled(seed: seed, kind: "kill_faults")
          default: try await CaseRunner.run(seed: seed)
          }
        }
      }
      for _ in 0..<6 { add() }
      while let result = try await group.next() {
        outcomes[result.outcome, default: 0] += 1
        if let share = result.repeatedShare { shares.append(share) }
        for problem in result.problems { Issue.record(Comment(rawValue: problem)) }
        add()
      }
    }
    #expect(outcomes.values.reduce(0, +) == seeds.count)
    #expect(outcomes["ready", default: 0] > seeds.count / 2)
    #expect(outcomes.count > 3, "only \(outcomes): the faults do not bite")
    if isSoak {
      let lines = outcomes.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
      print("soak of \(seeds.count) runs: \(lines.joined(separator: ", "))")
      shares.sort()
      print(
        "bytes fetched twice for each kill, in per cent of the file, over \(shares.count) runs: ",
        "median \(shares[shares.count / 2] * 100), most \((shares.last ?? 0) * 100)")
    }
  }
}
