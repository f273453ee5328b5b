import Retrieval
import Storage

/// What a change costs beside what is there: `Benchmarks changes INDEX FOLDER…` adds 10,000 passages to
/// an index that `Benchmarks hybrid` made, and removes them again, five times.
enum ChangeBenchmark {
  static func run(_ arguments: [String]) async throws {
    guard let folder = arguments.first, arguments.count > 1, DocumentIndex.exists(folder: folder)
    else {
      throw BenchmarkError("usage: Benchmarks changes INDEX FOLDER…")
    }
    var (text, _) = try TextSource.read(Array(arguments.dropFirst()))
    let embedder = WordSumEmbedder()
    let index = try DocumentIndex.open(folder: folder)
    let before = try index.status(checkingDisk: false)
    print("name,metric,value,unit")
    print("index,passages,\(before.chunks),passages")
    var (added, removed): ([Double], [Double]) = ([], [])
    for round in 0..<5 {
      let part = (0..<10_000).map { number in
        EvaluationSet.Document(
          id: "/new/\(number)", title: "", text: "round \(round) " + text.passage(60))
      }
      let start = Clock.seconds()
      try await index.fill(part, embedder: embedder)
      let filled = Clock.seconds()
      let gone = try index.remove(["/new"])
      removed.append(Clock.seconds() - filled)
      added.append(filled - start)
      if gone != part.count { print("removed,files,\(gone),files") }
    }
    let all = "\(added.map(HybridBenchmark.figure)) \(removed.map(HybridBenchmark.figure))"
    print("add 10000,median,\(HybridBenchmark.figure(added.sorted()[2])),s")
    print("remove 10000,median,\(HybridBenchmark.figure(removed.sorted()[2])),s")
    print("rounds,all,\(all),s")
    let after = try index.status(checkingDisk: false)
    print("left behind,passages,\(after.chunks - before.chunks),passages")
  }
}
