import Glibc
import Retrieval
import Storage

/// Speed of indexing and searching without a network in the way.
///
/// `Benchmarks retrieval FOLDER [DIMENSION [FILES]]` indexes a folder with an embedder that costs nothing
/// (default 384; DIMENSION 0 means words only), rescans it, and searches it. FILES bounds how many files
/// share a transaction.
enum RetrievalBenchmark {
  /// Vectors from a hash of the text: as large as real ones, for free.
  private struct FreeEmbedder: Embedder {
    let identity: EmbedderIdentity

    init(dimension: Int) {
      identity = EmbedderIdentity(
        name: "free", sha256: "0", dimension: dimension, pooling: "none", prefix: "")
    }

    func embed(_ texts: [String]) async throws -> [Float] {
      var vectors = [Float](repeating: 0, count: texts.count * identity.dimension)
      for (row, text) in texts.enumerated() {
        var state = UInt64(text.utf8.count) &* 0x9e37_79b9_7f4a_7c15 | 1
        for byte in text.utf8.prefix(64) { state = (state ^ UInt64(byte)) &* 1_099_511_628_211 }
        // Four places are enough to differ, and cost less than the passage's hash.
        for _ in 0..<4 {
          state = state &* 6_364_136_223_846_793_005 &+ 1
          vectors[row * identity.dimension + Int(state >> 33) % identity.dimension] = 0.5
        }
      }
      return vectors
    }
  }

  static func run(_ arguments: [String]) async throws {
    guard let folder = arguments.first else {
      throw BenchmarkError("usage: Benchmarks retrieval FOLDER [DIMENSION [FILES]]")
    }
    let dimension = arguments.dropFirst().first.flatMap { Int($0) } ?? 384
    let embedder = dimension > 0 ? FreeEmbedder(dimension: dimension) : nil
    let scratch = try ScratchFolder.make()
    defer { ScratchFolder.remove(scratch) }
    let index = try DocumentIndex.open(folder: scratch)
    var options = IndexOptions()
    options.filesPerTransaction = arguments.dropFirst(2).first.flatMap { Int($0) }
    let first = try await finish(index.add([folder], embedder: embedder, options: options))
    print("name,metric,value,unit")
    print("index,files,\(first.added),files")
    print("index,chunks,\(first.chunks),chunks")
    print("index,bytes,\(first.bytes),bytes")
    print("index,throughput,\(round(Double(first.bytes) / first.seconds / 1e6)),MB/s")
    print("index,processor time,\(round(processorSeconds())),s")
    print("index,size,\(try index.status(checkingDisk: false).bytes),bytes")
    let again = try await finish(index.refresh(embedder: embedder))
    print("rescan,files,\(again.unchanged),files")
    print("rescan,time,\(round(again.seconds * 1e3)),ms")
    let start = Clock.seconds()
    let search = try SearchService(
      index: DocumentIndex.open(folder: scratch, readOnly: true), embedder: embedder)
    _ = try await search.search("how are errors handled", limit: 8)
    print("search,cold,\(round((Clock.seconds() - start) * 1e3)),ms")
    let questions = [
      "how are errors handled", "where is the configuration read", "license", "matrix multiply",
      "what happens when a file cannot be opened",
    ]
    for mode in SearchMode.allCases {
      var times: [Double] = []
      for _ in 0..<10 {
        for question in questions {
          let start = Clock.seconds()
          _ = try await search.search(question, limit: 8, mode: mode)
          times.append(Clock.seconds() - start)
        }
      }
      times.sort()
      print("search \(mode),median,\(round(times[times.count / 2] * 1e3)),ms")
      print("search \(mode),p95,\(round(times[times.count * 95 / 100] * 1e3)),ms")
    }
  }

  private static func finish(
    _ events: AsyncThrowingStream<IndexEvent, any Error>
  ) async throws -> IndexSummary {
    var found = IndexSummary()
    for try await case .finished(let summary) in events { found = summary }
    return found
  }

  /// Of all threads since the process began: tells what a busy machine hides.
  private static func processorSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }

  private static func round(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    return "\(hundredths / 100).\(hundredths % 100 / 10)\(hundredths % 10)"
  }
}
