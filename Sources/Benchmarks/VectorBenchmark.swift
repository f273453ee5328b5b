import Glibc
import Retrieval
import Storage

/// Speed of the vectors alone: `Benchmarks vectors ROWS [DIMENSION]` writes a segment of random vectors
/// of length 1 to a temporary file, opens and searches it. `Benchmarks vectors ROWS DIMENSION VECTORS
/// QUERIES` takes them from two files of float32 rows, clusters them, and tells how many of the true
/// ten nearest an approximate search finds.
enum VectorBenchmark {
  static func run(_ arguments: [String]) throws {
    guard let rows = arguments.first.flatMap({ Int($0) }), rows > 0 else {
      throw BenchmarkError("usage: Benchmarks vectors ROWS [DIMENSION [VECTORS QUERIES]]")
    }
    let columns = arguments.dropFirst().first.flatMap { Int($0) } ?? 384
    let scratch = try ScratchFolder.make()
    defer { ScratchFolder.remove(scratch) }
    let path = scratch + "/vectors"
    var random = Numbers(state: 1)
    let row = UnsafeMutablePointer<Float>.allocate(capacity: columns)
    defer { row.deallocate() }
    print("name,metric,value,unit")
    if arguments.count == 4 {
      try real(rows, columns, vectors: arguments[2], queries: arguments[3], to: path)
      return
    }
    try time("write") {
      try SegmentWriter.write(
        .init(ids: (1...Int64(rows)).map { $0 }, columns: columns) { _ in
          random.fill(row, columns)
          return UnsafePointer(row)
        }, to: path, nonce: [UInt8](repeating: 0, count: 16),
        embedder: [UInt8](repeating: 0, count: 32))
    }
    var index = VectorIndex(dimension: columns)
    try time("open") { index.append(try VectorSegment(path: path)) }
    var queries = [Float](repeating: 0, count: 64 * columns)
    for query in 0..<64 {
      random.fill(row, columns)
      for column in 0..<columns { queries[query * columns + column] = row[column] }
    }
    let first = Array(queries[..<columns])
    try time("first search") { _ = try index.top(10, query: first) }
    try median("search, 1 query, top 10", 30) { _ = try index.top(10, query: first) }
    try median("search, 1 query, top 100", 30) { _ = try index.top(100, query: first) }
    try median("search, 64 queries, top 10", 10) { _ = try index.top(10, queries: queries) }
  }

  private static func real(
    _ rows: Int, _ columns: Int, vectors: String, queries: String, to path: String
  ) throws {
    let file = try MappedFile(path: vectors)
    let asked = try MappedFile(path: queries)
    guard file.bytes.count >= rows * columns * 4, let base = file.bytes.baseAddress else {
      print("\(vectors) has fewer than \(rows) rows of \(columns) numbers")
      return
    }
    let floats = base.assumingMemoryBound(to: Float.self)
    var wanted = SegmentWriter.Rows(ids: (1...Int64(rows)).map { $0 }, columns: columns) {
      floats + $0 * columns
    }
    try time("cluster") { try wanted.cluster() }
    try time("write") {
      try SegmentWriter.write(
        wanted, to: path, nonce: [UInt8](repeating: 0, count: 16),
        embedder: [UInt8](repeating: 0, count: 32))
    }
    var index = VectorIndex(dimension: columns)
    try time("open") { index.append(try VectorSegment(path: path)) }
    let count = min(500, asked.bytes.count / (columns * 4))
    let questions = (0..<count).map { query in
      Array(
        UnsafeRawBufferPointer(
          rebasing: asked.bytes[query * columns * 4..<(query + 1) * columns * 4]
        ).bindMemory(to: Float.self))
    }
    var next = 0
    try median("exact, 1 query, top 10", count) {
      _ = try index.top(10, query: questions[next % count])
      next += 1
    }
    for percent in [2, 4, 6, 8, 10, 15] {
      var probe = VectorProbe()
      probe.fraction = Double(percent) / 100
      probe.leastRows = 0
      var found = 0
      for question in questions {
        let exact = try index.top(10, query: question).matches.map(\.id)
        let near = try index.approximateTop(10, query: question, probe: probe).matches.map(\.id)
        found += Set(exact).intersection(near).count
      }
      print("approximate \(percent) %,recall@10,\(Double(found) / Double(10 * count)),")
      try median("approximate \(percent) %, 1 query, top 10", count) {
        _ = try index.approximateTop(10, query: questions[next % count], probe: probe)
        next += 1
      }
    }
  }

  private static func time(_ name: String, _ body: () throws -> Void) rethrows {
    let start = Clock.seconds()
    try body()
    print("\(name),time,\((Clock.seconds() - start) * 1e3),ms")
  }

  private static func median(_ name: String, _ count: Int, _ body: () throws -> Void) rethrows {
    var times: [Double] = []
    let worked = clock()
    for _ in 0..<count {
      let start = Clock.seconds()
      try body()
      times.append((Clock.seconds() - start) * 1e3)
    }
    // Of all threads: tells what a busy machine hides.
    let processor = Double(clock() - worked) / Double(count) / 1e3
    times.sort()
    print("\(name),median,\(times[count / 2]),ms")
    print("\(name),best,\(times[0]),ms")
    print("\(name),processor,\(processor),ms")
  }

  /// Numbers near enough to a normal distribution: sums of three uniform ones.
  private struct Numbers {
    var state: UInt64

    mutating func fill(_ row: UnsafeMutablePointer<Float>, _ count: Int) {
      var squares: Float = 0
      for index in 0..<count {
        var sum: Float = -1.5
        for _ in 0..<3 {
          state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
          sum += Float(state >> 40) / Float(1 << 24)
        }
        row[index] = sum
        squares += sum * sum
      }
      let scale = 1 / squares.squareRoot()
      for index in 0..<count { row[index] *= scale }
    }
  }
}
