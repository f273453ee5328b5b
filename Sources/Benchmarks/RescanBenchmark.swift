import Glibc
import Retrieval
import Storage

/// How long it takes to see that nothing changed: `Benchmarks rescan FILES` makes a tree of so many
/// small files in a temporary folder, 50 in each, indexes their words and refreshes the index.
enum RescanBenchmark {
  static func run(_ arguments: [String]) async throws {
    guard let count = arguments.first.flatMap({ Int($0) }), count > 0 else {
      throw BenchmarkError("usage: Benchmarks rescan FILES")
    }
    try await ScratchFolder.with { scratch in
      let tree = scratch + "/tree"
      mkdir(tree, 0o755)
      for number in 0..<count {
        let (outer, inner) = ("\(tree)/part-\(number / 2500)", "section-\(number / 50)")
        if number % 2500 == 0 { mkdir(outer, 0o755) }
        if number % 50 == 0 {
          mkdir("\(outer)/\(inner)", 0o755)
          if number % 500 == 0 { write("*.log\nbuild/\n", to: "\(outer)/\(inner)/.gitignore") }
        }
        write("Note \(number) of some words.\n", to: "\(outer)/\(inner)/note-\(number).md")
      }
      let index = try DocumentIndex.open(folder: scratch + "/index")
      print("name,metric,value,unit")
      let first = try await finish(index.add([tree], embedder: nil))
      print("rescan,files,\(first.added),files")
      print("first run,time,\(HybridBenchmark.figure(first.seconds)),s")
      var times: [Double] = []
      for _ in 0..<7 {
        let again = try DocumentIndex.open(folder: scratch + "/index")
        let start = Clock.seconds()
        let summary = try await finish(again.refresh(embedder: nil))
        times.append(Clock.seconds() - start)
        if summary.unchanged != count { print("rescan,changed,\(count - summary.unchanged),files") }
      }
      times.sort()
      print("rescan,median,\(HybridBenchmark.figure(times[3])),s")
      print("rescan,best,\(HybridBenchmark.figure(times[0])),s")
    }
  }

  private static func write(_ text: String, to path: String) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    _ = Glibc.write(descriptor, text, text.utf8.count)
    close(descriptor)
  }

  static func finish(
    _ events: AsyncThrowingStream<IndexEvent, any Error>
  ) async throws -> IndexSummary {
    var found = IndexSummary()
    for try await case .finished(let summary) in events { found = summary }
    return found
  }
}
