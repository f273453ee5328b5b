import Glibc
import Retrieval

/// Speed of the lexical side on an index of any size.
///
/// `Benchmarks lexical CHUNKS FOLDER…` fills an index with CHUNKS passages of 60 words, drawn by
/// how often they occur in the collections (BEIR layout) in the folders, and searches it by words
/// with the collections' own questions, each once, after a warm-up.
enum LexicalBenchmark {
  static func run(_ arguments: [String]) async throws {
    guard let count = arguments.first.flatMap({ Int($0) }), count > 0, arguments.count > 1 else {
      throw BenchmarkError("usage: Benchmarks lexical CHUNKS FOLDER…")
    }
    var (text, questions) = try TextSource.read(Array(arguments.dropFirst()))
    let scratch = try ScratchFolder.make()
    defer { ScratchFolder.remove(scratch) }
    let index = try DocumentIndex.open(folder: scratch)
    var made = 0
    while made < count {
      let part = (0..<min(20_000, count - made)).map { number in
        EvaluationSet.Document(id: "/d/\(made + number)", title: "", text: text.passage(60))
      }
      try await index.fill(part, embedder: nil)
      made += part.count
    }
    let search = try SearchService(
      index: DocumentIndex.open(folder: scratch, readOnly: true), embedder: nil)
    print("name,metric,value,unit")
    print("lexical,passages,\(made),passages")
    print("lexical,questions,\(questions.count),questions")
    for round in ["cold", "warm"] {
      var times: [Double] = []
      for question in questions {
        let start = now()
        _ = try await search.search(question, limit: 10, mode: .lexical)
        times.append(now() - start)
      }
      times.sort()
      for (name, part) in [("median", 0.5), ("p95", 0.95), ("maximum", 1)] {
        let time = times[min(times.count - 1, Int(Double(times.count) * part))]
        print("lexical \(round),\(name),\(Double(Int(time * 1e5)) / 100),ms")
      }
    }
  }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
