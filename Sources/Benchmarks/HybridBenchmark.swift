import Glibc
import Retrieval
import Storage

/// Speed of the whole search on a large index.
///
/// `Benchmarks hybrid CHUNKS INDEX FOLDER…` makes an index of CHUNKS passages of 60 words in the folder
/// INDEX, unless it is there from an earlier run, and puts the questions of the collections (BEIR layout)
/// in the folders to it, each once after a warm-up, as `carrel search` does. Words are drawn by how
/// often they occur in the collections. A vector is the sum of random ones of its words, so that
/// passages with the same words are alike, as with a real model.
enum HybridBenchmark {
  static func run(_ arguments: [String]) async throws {
    guard let count = arguments.first.flatMap({ Int($0) }), count > 0, arguments.count > 2 else {
      throw BenchmarkError("usage: Benchmarks hybrid CHUNKS INDEX FOLDER…")
    }
    let folder = arguments[1]
    var (text, questions) = try TextSource.read(Array(arguments.dropFirst(2)))
    let embedder = WordSumEmbedder()
    print("name,metric,value,unit")
    if !DocumentIndex.exists(folder: folder) {
      let start = Clock.seconds()
      let index = try DocumentIndex.open(folder: folder)
      var made = 0
      while made < count {
        let part = (0..<min(16_384, count - made)).map { number in
          EvaluationSet.Document(id: "/d/\(made + number)", title: "", text: text.passage(60))
        }
        made += part.count
        try await index.fill(part, embedder: embedder, ends: made == count)
      }
      print("make,time,\(figure(Clock.seconds() - start)),s")
    }
    let opening = Clock.seconds()
    let index = try DocumentIndex.open(folder: folder, readOnly: true)
    let search = try SearchService(index: index, embedder: embedder)
    _ = try await search.search(questions.first ?? "apple", limit: 10)
    print("open and first search,time,\(figure((Clock.seconds() - opening) * 1e3)),ms")
    print("index,passages,\(try index.status(checkingDisk: false).chunks),passages")
    print("questions,number,\(questions.count),questions")
    for question in questions { _ = try await search.search(question, limit: 10) }
    for mode in SearchMode.allCases {
      var times: [Double] = []
      // Of all threads: tells what a busy machine hides.
      var processor: [Double] = []
      for question in questions {
        let (start, worked) = (Clock.seconds(), clock())
        _ = try await search.search(question, limit: 10, mode: mode)
        times.append((Clock.seconds() - start) * 1e3)
        processor.append(Double(clock() - worked) / 1e3)
      }
      for (kind, values) in [("", times.sorted()), ("processor ", processor.sorted())] {
        for (name, part) in [("p50", 0.5), ("p95", 0.95), ("maximum", 1)] {
          let place = min(values.count - 1, Int(Double(values.count) * part))
          print("\(mode),\(kind)\(name),\(figure(values[place])),ms")
        }
      }
    }
    print("memory,beyond the mapping,\(anonymousKilobytes() / 1024),MiB")
  }

  /// Resident pages that no file holds.
  private static func anonymousKilobytes() -> Int {
    guard let file = fopen("/proc/self/status", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, 256, file) != nil {
      let text = String(
        decoding: line.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
      if text.hasPrefix("RssAnon:") { return Int(text.filter(\.isNumber)) ?? 0 }
    }
    return 0
  }

  static func figure(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    return "\(hundredths / 100).\(hundredths % 100 / 10)\(hundredths % 10)"
  }
}

/// The sum of a random vector for each word, at length 1.
struct WordSumEmbedder: Embedder {
  let identity = EmbedderIdentity(
    name: "word sums", sha256: "0", dimension: 384, pooling: "sum", prefix: "")

  func embed(_ texts: [String]) async throws -> [Float] {
    let columns = identity.dimension
    var vectors = [Float](repeating: 0, count: texts.count * columns)
    vectors.withUnsafeMutableBufferPointer { vectors in
      guard let base = vectors.baseAddress else { return }
      for (row, text) in texts.enumerated() {
        let own = base + row * columns
        for word in text.utf8.split(separator: 32) { Self.add(word, to: own, columns) }
        var squares: Float = 0
        for column in 0..<columns { squares += own[column] * own[column] }
        let scale = squares > 0 ? 1 / squares.squareRoot() : 0
        for column in 0..<columns { own[column] *= scale }
      }
    }
    return vectors
  }

  private static func add(
    _ word: Substring.UTF8View.SubSequence, to own: UnsafeMutablePointer<Float>, _ columns: Int
  ) {
    var state: UInt64 = 14_695_981_039_346_656_037
    for byte in word { state = (state ^ UInt64(byte | 0x20)) &* 1_099_511_628_211 }
    state |= 1
    // Long words say more.
    let weight = Float(min(word.count, 10)) / Float(1 << 16)
    for column in stride(from: 0, to: columns, by: 4) {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      for part in 0..<min(4, columns - column) {
        own[column + part] += Float(Int16(truncatingIfNeeded: state >> UInt64(16 * part))) * weight
      }
    }
  }
}
