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
      print("usage: Benchmarks lexical CHUNKS FOLDER…")
      return
    }
    var words: [String: Int] = [:]
    var questions: [String] = []
    for folder in arguments.dropFirst() {
      let set = try EvaluationSet(folder: folder)
      for document in set.documents {
        for word in document.text.split(whereSeparator: { !$0.isLetter && !$0.isNumber }) {
          words[word.lowercased(), default: 0] += 1
        }
      }
      questions += set.queries.map(\.text)
    }
    let scratch = try ScratchFolder.make()
    defer { ScratchFolder.remove(scratch) }
    let index = try DocumentIndex.open(folder: scratch)
    var text = TextSource(words)
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

  /// Words drawn by their frequency, the same on every run.
  private struct TextSource {
    private let words: [String]
    /// Ascending sums of counts.
    private let sums: [Int]
    private var state: UInt64 = 0x9e37_79b9_7f4a_7c15

    init(_ counts: [String: Int]) {
      words = counts.keys.sorted()
      var total = 0
      sums = words.map { word in
        total += counts[word] ?? 0
        return total
      }
    }

    mutating func passage(_ count: Int) -> String {
      var text = ""
      for _ in 0..<count {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        let wanted = Int((state &* 0x2545_f491_4f6c_dd1d) % UInt64(max(1, sums.last ?? 1)))
        var low = 0
        var high = sums.count - 1
        while low < high {
          let middle = (low + high) / 2
          if sums[middle] <= wanted { low = middle + 1 } else { high = middle }
        }
        text += words[low]
        text += " "
      }
      return text
    }
  }
}
