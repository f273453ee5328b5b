import Compute
import Database
import Glibc
import Retrieval
import TestSupport
import Testing

@Suite("Vector index")
struct VectorIndexTests {
  private func vectors(_ count: Int, _ dimension: Int, _ random: inout Seeded) -> [Float] {
    (0..<count * dimension).map { _ in Float.random(in: -1...1, using: &random) }
  }

  @Test("Finds what brute force finds, over segments with removed rows", arguments: 0..<10)
  func exact(seed: Int) throws {
    var random = Seeded(UInt64(seed) + 3)
    let dimension = [1, 3, 8, 64, 384][seed % 5]
    var index = VectorIndex(dimension: dimension)
    var truth: [Int64: [Float]] = [:]
    var next: Int64 = 1
    for _ in 0..<8 {
      let count = Int.random(in: 1...90, using: &random)
      let floats = vectors(count, dimension, &random)
      // Segments hold their rows in any order.
      let ids = (0..<count).map { next + Int64($0) * 2 }.shuffled(using: &random)
      next += Int64(count) * 2 + 1
      var dead = [UInt8](repeating: 0, count: (count + 7) / 8)
      for row in 0..<count {
        if Int.random(in: 0..<5, using: &random) == 0 {
          dead[row / 8] |= 1 << UInt8(row % 8)
        } else {
          truth[ids[row]] = Array(floats[row * dimension..<(row + 1) * dimension])
        }
      }
      index.append(try VectorSegment.holding(ids: ids, vectors: floats), dead: dead)
      #expect(index.count == truth.count)
      #expect(index.ids == truth.keys.sorted())
      let query = vectors(1, dimension, &random)
      let expected = truth.map { id, vector in
        (id, Float(zip(vector, query).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }))
      }.sorted { $0.1 != $1.1 ? $0.1 > $1.1 : $0.0 < $1.0 }
      let found = try index.top(10, query: query)
      #expect(found.spread.count == truth.count)
      #expect(found.matches.map(\.id) == expected.prefix(10).map(\.0))
      for hit in found.matches {
        #expect(index.cosine(of: hit.id, query: query) == hit.cosine)
      }
      #expect(index.cosine(of: 999_999, query: query) == nil)
      let allowed = Set(truth.keys.filter { $0 % 3 == 0 })
      let filtered = try index.top(
        10, query: query, filter: index.filter(ids: Array(allowed) + [999_999]))
      #expect(
        filtered.matches.map(\.id)
          == expected.filter { allowed.contains($0.0) }.prefix(10).map(\.0))
      #expect(filtered.spread.count == allowed.count)
    }
  }

  @Test("The spread does not depend on how the rows lie in segments")
  func spread() throws {
    var random = Seeded(8)
    let floats = vectors(300, 16, &random).map { $0 / 4 }
    let query = vectors(1, 16, &random).map { $0 / 4 }
    var one = VectorIndex(dimension: 16)
    one.append(try VectorSegment.holding(ids: (1...300).map { $0 }, vectors: floats))
    var many = VectorIndex(dimension: 16)
    for start in stride(from: 290, through: 0, by: -10) {
      many.append(
        try VectorSegment.holding(
          ids: (1...10).map { Int64(start + $0) },
          vectors: Array(floats[start * 16..<(start + 10) * 16])))
    }
    let (left, right) = (try one.top(20, query: query), try many.top(20, query: query))
    #expect(left.spread == right.spread)
    #expect(left.matches == right.matches)
    let cosines = (0..<300).map { row in
      (0..<16).reduce(0.0) { $0 + Double(floats[row * 16 + $1]) * Double(query[$1]) }
    }
    let mean = cosines.reduce(0, +) / 300
    #expect(abs(left.spread.mean - mean) < 1e-3)
    let deviation = (cosines.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 300).squareRoot()
    #expect(abs((left.spread.squares / 300 - mean * mean).squareRoot() - deviation) < 2e-3)
  }

  @Test("Refuses questions of another dimension or with numbers that are not finite")
  func refusals() throws {
    var index = VectorIndex(dimension: 4)
    index.append(try VectorSegment.holding(ids: [1], vectors: [1, 0, 0, 0]))
    for query in [
      [1, 0, 0], [Float.nan, 0, 0, 0], [.infinity, 0, 0, 0], [1, 0, 0, 0, 1, 0, 0, 0],
    ] {
      #expect(throws: RetrievalError.self) { try index.top(1, query: query) }
    }
    #expect(throws: RetrievalError.self) {
      try VectorSegment.holding(ids: [1, 2], vectors: [1, 0, .nan, 0])
    }
    #expect(try index.top(0, query: [1, 0, 0, 0]).matches.isEmpty)
  }
}

@Suite("Segment files")
struct SegmentFileTests {
  private func write(_ folder: TemporaryFolder, rows: Int = 40, columns: Int = 6) throws -> String {
    var random = Seeded(4)
    let floats = (0..<rows * columns).map { _ in Float.random(in: -1...1, using: &random) }
    let path = folder.path + "/1.vectors"
    try floats.withUnsafeBufferPointer { floats in
      let base = try #require(floats.baseAddress)
      try SegmentWriter.write(
        .init(ids: (0..<Int64(rows)).map { $0 }, columns: columns) { base + $0 * columns },
        to: path, nonce: [UInt8](repeating: 7, count: 16),
        embedder: [UInt8](repeating: 9, count: 32))
    }
    return path
  }

  private func bytes(_ path: String) -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = read(descriptor, &bytes, bytes.count)
    return Array(bytes.prefix(max(0, count)))
  }

  @Test("Every truncation and every changed byte of the header is refused with a sentence")
  func hostileHeaders() throws {
    let folder = TemporaryFolder()
    let good = bytes(try write(folder))
    #expect(try VectorSegment(path: folder.path + "/1.vectors").rows == 40)
    for length in [0, 1, 8, 100, 511, 512, 513, good.count - 1, good.count + 1] {
      let path = folder.write(
        "cut", bytes: Array((good + [0]).prefix(length)))
      #expect(throws: RetrievalError.self) { try VectorSegment(path: path) }
    }
    for place in 0..<512 {
      var bad = good
      bad[place] ^= UInt8(1 << (place % 8))
      let path = folder.write("changed", bytes: bad)
      #expect(throws: RetrievalError.self) { try VectorSegment(path: path) }
    }
    #expect(throws: (any Error).self) { try VectorSegment(path: folder.path + "/none") }
    #expect(throws: (any Error).self) { try VectorSegment(path: folder.path) }
  }

  @Test("Impossible counts are refused though the checksum is right")
  func hostileCounts() throws {
    let folder = TemporaryFolder()
    let good = bytes(try write(folder))
    // Columns, rows (both halves), clusters.
    for (place, value) in [
      (12, UInt32(0)), (12, 70_000), (12, 7), (12, .max), (16, 0), (16, 41), (16, .max),
      (20, 1), (20, 0x8000_0000), (24, 41), (24, 5), (24, .max), (8, 2),
    ] {
      var bad = good
      withUnsafeBytes(of: value.littleEndian) { bad.replaceSubrange(place..<place + 4, with: $0) }
      let sum = Array(bad[..<508]).withUnsafeBytes { Checksum.of($0) }
      withUnsafeBytes(of: sum.littleEndian) { bad.replaceSubrange(508..<512, with: $0) }
      let path = folder.write("lying", bytes: bad)
      #expect(throws: RetrievalError.self) { try VectorSegment(path: path) }
    }
  }

  @Test("Content that lies never traps a search, and damage is found")
  func hostileContent() throws {
    let folder = TemporaryFolder()
    let good = bytes(try write(folder))
    #expect(try VectorSegment(path: folder.path + "/1.vectors").isWhole)
    var random = Seeded(5)
    for _ in 0..<200 {
      var bad = good
      let place = Int.random(in: 512..<good.count, using: &random)
      for offset in 0..<min(40, good.count - place) {
        bad[place + offset] = UInt8.random(in: 0...255, using: &random)
      }
      let segment = try VectorSegment(path: folder.write("damaged", bytes: bad))
      var index = VectorIndex(dimension: 6)
      index.append(segment)
      _ = try index.top(5, query: [1, 2, 3, 4, 5, 6])
      for id in 0..<41 { _ = index.cosine(of: Int64(id), query: [1, 2, 3, 4, 5, 6]) }
      _ = segment.isWhole
    }
  }
}

@Suite("Clusters")
struct ClusterTests {
  /// Rows around a few hundred centres, as texts about a few hundred things are.
  private func clustered(_ rows: Int, _ columns: Int) -> [Float] {
    var random = Seeded(12)
    let centres = (0..<300).map { _ in
      (0..<columns).map { _ in Float.random(in: -1...1, using: &random) }
    }
    var floats: [Float] = []
    floats.reserveCapacity(rows * columns)
    for _ in 0..<rows {
      let centre = centres[Int.random(in: 0..<300, using: &random)]
      var row = centre.map { $0 + Float.random(in: -0.8...0.8, using: &random) }
      let scale = 1 / row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      for column in row.indices { row[column] *= scale }
      floats += row
    }
    return floats
  }

  @Test("Clustered segments are searched exactly as before, and nearly so by a part of their rows")
  func recall() throws {
    let (rows, columns) = (SegmentWriter.Rows.leastClustered + 11, 32)
    let floats = clustered(rows, columns)
    let folder = TemporaryFolder()
    let path = folder.path + "/1.vectors"
    try floats.withUnsafeBufferPointer { floats in
      let base = try #require(floats.baseAddress)
      var wanted = SegmentWriter.Rows(ids: (0..<Int64(rows)).map { $0 * 2 }, columns: columns) {
        base + $0 * columns
      }
      try wanted.cluster()
      try SegmentWriter.write(
        wanted, to: path, nonce: [UInt8](repeating: 0, count: 16),
        embedder: [UInt8](repeating: 0, count: 32))
    }
    let segment = try VectorSegment(path: path)
    #expect(segment.isWhole)
    var one = VectorIndex(dimension: columns)
    one.append(segment)
    #expect(one.clustered == rows)
    #expect(one.ids == (0..<Int64(rows)).map { $0 * 2 })
    var plain = VectorIndex(dimension: columns)
    plain.append(
      try VectorSegment.holding(ids: (0..<Int64(rows)).map { $0 * 2 }, vectors: floats))
    var found = 0
    let filter = one.filter(ids: (0..<Int64(rows)).filter { $0 % 7 == 0 })
    let few = one.filter(ids: [4, 8, 4000])
    for query in 0..<40 {
      let start = query * 800 * columns
      let vector = Array(floats[start..<start + columns])
      let exact = try one.top(10, query: vector)
      let other = try plain.top(10, query: vector)
      #expect(exact.matches == other.matches && exact.spread == other.spread)
      let near = try one.approximateTop(10, query: vector)
      found += Set(exact.matches.map(\.id)).intersection(near.matches.map(\.id)).count
      for match in near.matches { #expect(one.cosine(of: match.id, query: vector) == match.cosine) }
      #expect(abs(near.spread.mean - exact.spread.mean) < 0.05)
      let filtered = try one.approximateTop(10, query: vector, filter: filter)
      #expect(filtered.matches.count == 10 && filtered.matches.allSatisfy { $0.id % 7 == 0 })
      #expect(try one.approximateTop(10, query: vector, filter: few).matches.count == 3)
    }
    #expect(found >= 392)
  }
}
