import CKernels
import Compute
import Testing

/// The same numbers on every run.
private struct Numbers: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state ^ state >> 29
  }
}

/// Coded rows in memory.
private final class Rows {
  let columns: Int
  let count: Int
  var floats: [Float]
  var codes: [UInt8]
  var facts: [Float]
  var ids: [Int64]

  init(_ floats: [Float], columns: Int) {
    self.columns = columns
    self.floats = floats
    count = floats.count / columns
    let blocks = CodeLayout.blocks(rows: count)
    codes = .init(repeating: 0, count: blocks * CodeLayout.blockBytes(columns: columns))
    facts = .init(repeating: 0, count: blocks * CodeLayout.blockFacts)
    ids = (0..<Int64(count)).map { $0 * 3 + 7 }
    for block in 0..<blocks {
      let bad = floats.withUnsafeBufferPointer { floats in
        codes.withUnsafeMutableBufferPointer { codes in
          facts.withUnsafeMutableBufferPointer { facts in
            CodeLayout.encode(
              floats.baseAddress! + block * 16 * columns, rows: min(16, count - block * 16),
              columns: columns,
              codes: codes.baseAddress! + block * CodeLayout.blockBytes(columns: columns),
              facts: facts.baseAddress! + block * CodeLayout.blockFacts)
          }
        }
      }
      #expect(bad == nil)
    }
  }

  func part<R>(mask: [UInt16]? = nil, _ body: (CodePart) -> R) -> R {
    codes.withUnsafeBufferPointer { codes in
      facts.withUnsafeBufferPointer { facts in
        floats.withUnsafeBufferPointer { floats in
          ids.withUnsafeBufferPointer { ids in
            var part = CodePart(
              codes: codes.baseAddress!, facts: facts.baseAddress!, floats: floats.baseAddress!,
              ids: ids.baseAddress!, rows: count)
            guard let mask else { return body(part) }
            return mask.withUnsafeBufferPointer {
              part.mask = $0.baseAddress
              return body(part)
            }
          }
        }
      }
    }
  }

  /// Brute force in double precision, rounded once.
  func brute(_ limit: Int, _ query: ArraySlice<Float>, mask: [UInt16]? = nil) -> [ScoredRow] {
    // In steps: as one expression it takes the compiler too long on a busy machine.
    var rows: [ScoredRow] = []
    for row in 0..<count {
      if let mask, mask[row / 16] >> UInt16(row % 16) & 1 == 0 { continue }
      var lanes = [Double](repeating: 0, count: 16)
      for (column, value) in query.enumerated() {
        let product = Double(floats[row * columns + column]) * Double(value)
        lanes[column % 16] += product
      }
      for width in [8, 4, 2, 1] {
        for lane in 0..<width { lanes[lane] += lanes[lane + width] }
      }
      rows.append(ScoredRow(row: Int(ids[row]), score: Float(lanes[0])))
    }
    rows.sort(by: ScoredRow.isBetter)
    return Array(rows.prefix(limit))
  }
}

@Suite("Search over byte codes")
struct CodeSearchTests {
  private func search(
    _ rows: Rows, _ limit: Int, _ queries: [Float], mask: [UInt16]? = nil,
    kernels: CodeKernels = .best, pool: WorkerPool? = nil
  ) -> [CodeResult]? {
    var search = CodeSearch(pool: pool)
    search.kernels = kernels
    return rows.part(mask: mask) { part in
      queries.withUnsafeBufferPointer {
        search.top(
          limit, parts: [part], columns: rows.columns, queries: $0,
          count: queries.count / rows.columns)
      }
    }
  }

  private func numbers(_ count: Int, _ seed: UInt64) -> [Float] {
    var random = Numbers(state: seed)
    return (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
  }

  @Test("Rows are coded to the same bits on any CPU")
  func coding() {
    var random = Numbers(state: 77)
    for columns in Array(1...70) + [384] {
      let rows = (0..<16 * columns).map { _ in
        Float(Int.random(in: -9999...9999, using: &random))
          * (Bool.random(using: &random) ? 1e-4 : 1e-7)
      }
      var codes = (0..<2).map { _ in [UInt8](repeating: 0, count: (columns + 3) / 4 * 64) }
      var facts = (0..<2).map { _ in [Float](repeating: 0, count: 48) }
      #expect(ck_encode_block(rows, 16, columns, &codes[0], &facts[0]) == 16)
      #expect(ck_encode_block_ref(rows, 16, columns, &codes[1], &facts[1]) == 16)
      #expect(codes[0] == codes[1] && facts[0] == facts[1], "\(columns)")
    }
  }

  @Test(
    "Equals brute force for every number of rows and queries, with every instruction set",
    arguments: CodeKernels.available.map(\.description))
  func exact(name: String) throws {
    let kernels = try #require(CodeKernels.available.first { $0.description == name })
    for columns in [1, 3, 4, 7, 16, 33, 96] {
      for count in [1, 2, 15, 16, 17, 31, 48, 49, 200] {
        let rows = Rows(numbers(count * columns, UInt64(columns * 1000 + count)), columns: columns)
        for asked in [1, 3, 4, 5, 8, 9, 13] {
          let queries = numbers(asked * columns, UInt64(asked + count))
          let found = try #require(search(rows, 10, queries, kernels: kernels))
          for (index, result) in found.enumerated() {
            let query = queries[index * columns..<(index + 1) * columns]
            #expect(result.best == rows.brute(10, query))
            #expect(result.spread.count == Int64(count))
          }
        }
      }
    }
  }

  @Test("Stays exact for duplicates, zeros, giants, dwarfs and ties beyond the candidate buffer")
  func adversarial() throws {
    let columns = 24
    var floats = numbers(40_000 * columns, 5)
    for row in 0..<40_000 {
      let kind = row % 8
      for column in 0..<columns {
        let at = row * columns + column
        switch kind {
        case 0, 1, 2: floats[at] = floats[column]
        case 3: floats[at] = 0
        case 4: floats[at] *= 1e5
        case 5: floats[at] *= 1e-30
        case 6: floats[at] = column == 0 ? 1 : 1e-9 * floats[at]
        default: break
        }
      }
    }
    let rows = Rows(floats, columns: columns)
    let queries =
      Array(floats[0..<columns]) + numbers(columns, 9) + [Float](repeating: 0, count: columns)
      + numbers(columns, 10).map { $0 * 1e-20 }
    for pool in [nil, WorkerPool(threads: 2)] {
      let found = try #require(search(rows, 100, queries, pool: pool))
      for (index, result) in found.enumerated() {
        #expect(result.best == rows.brute(100, queries[index * columns..<(index + 1) * columns]))
      }
    }
    // All rows alike: every one is scored, and the lowest ids win.
    let same = Rows(
      (0..<20_000).flatMap { _ in queries[0..<columns] }, columns: columns)
    let result = try #require(search(same, 5, Array(queries[0..<columns]))).first
    #expect(result?.best.map(\.row) == [7, 10, 13, 16, 19])
  }

  @Test("No product leaves its bounds, whatever the numbers are")
  func bounds() throws {
    var random = Numbers(state: 77)
    for trial in 0..<300 {
      let columns = Int.random(in: 1...80, using: &random)
      let scale = Float.random(in: -20...5, using: &random)
      func vector() -> [Float] {
        (0..<columns).map { _ in
          let value = Float.random(in: -1...1, using: &random)
          return trial % 3 == 0
            ? value * value * value * 10.0.power(scale) : value * 10.0.power(scale)
        }
      }
      let rows = Rows((0..<16).flatMap { _ in vector() }, columns: columns)
      let query = vector()
      var values = [Int8](repeating: 0, count: (columns + 3) / 4 * 4)
      var coded = ck_code_query()
      try #require(ck_encode_query(query, columns, &values, &coded) == 1)
      for kernels in CodeKernels.available {
        let table = try #require(
          ck_code_kernels_at(
            CodeKernels.available.firstIndex { $0.description == kernels.description }!))
        var hits = [ck_code_hit](repeating: ck_code_hit(), count: 16)
        var count: UInt32 = 0
        rows.part { part in
          values.withUnsafeBufferPointer { values in
            coded.values = values.baseAddress
            var coder = ck_code_rows(
              codes: part.codes, facts: part.facts, groups: (columns + 3) / 4)
            table.pointee.scan(&coder, 0, 1, &coded, 1, nil, &hits, 16, &count, nil)
          }
        }
        #expect(count == 16)
        for hit in hits {
          let row = rows.floats[Int(hit.row) * columns..<(Int(hit.row) + 1) * columns]
          let product = zip(row, query).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
          #expect(Double(hit.lower) <= product && product <= Double(hit.upper))
          #expect(hit.lower <= Float(product) && Float(product) <= hit.upper)
        }
      }
    }
  }

  @Test("Hidden rows are never found and not counted")
  func masks() throws {
    var random = Numbers(state: 3)
    let rows = Rows(numbers(1000 * 20, 8), columns: 20)
    for _ in 0..<20 {
      let mask = (0..<63).map { _ in UInt16.random(in: 0...UInt16.max, using: &random) }
      let query = numbers(20, random.next())
      let found = try #require(search(rows, 50, query, mask: mask)?.first)
      #expect(found.best == rows.brute(50, query[...], mask: mask))
      let shown = (0..<1000).count { mask[$0 / 16] >> UInt16($0 % 16) & 1 != 0 }
      #expect(found.spread.count == Int64(shown))
    }
  }

  @Test("Every instruction set gives the reference's hits and spreads, bit for bit")
  func sameBits() throws {
    let rows = Rows(numbers(500 * 100, 21), columns: 100)
    let queries = numbers(9 * 100, 22)
    let reference = try #require(
      search(rows, 500, queries, kernels: CodeKernels.available[0]))
    for kernels in CodeKernels.available {
      let found = try #require(search(rows, 500, queries, kernels: kernels))
      #expect(found.map(\.best) == reference.map(\.best))
      #expect(found.map(\.spread) == reference.map(\.spread))
    }
  }

  @Test("Refuses numbers that are not finite and vectors that are too long")
  func refusals() {
    let rows = Rows(numbers(20 * 8, 2), columns: 8)
    for bad in [Float.nan, .infinity, -.infinity, 1e7] {
      var query = numbers(8, 4)
      query[3] = bad
      #expect(search(rows, 3, query) == nil)
      var codes = [UInt8](repeating: 0, count: CodeLayout.blockBytes(columns: 8))
      var facts = [Float](repeating: 0, count: CodeLayout.blockFacts)
      let floats = numbers(16, 5) + query
      #expect(
        CodeLayout.encode(floats, rows: 3, columns: 8, codes: &codes, facts: &facts) == 2)
    }
    #expect(search(rows, 3, numbers(9, 1)) == nil)
    #expect(search(rows, 0, numbers(8, 1))?.first?.best == [])
  }

  @Test("CRC-32C gives the values of RFC 3720")
  func checksum() {
    // RFC 3720, B.4.
    let cases: [([UInt8], UInt32)] = [
      ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
      ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43), (Array(0..<32), 0x46dd_794e),
      (Array((0..<32).reversed()), 0x113f_db5c), (Array("123456789".utf8), 0xe306_9283),
    ]
    for (bytes, expected) in cases {
      #expect(bytes.withUnsafeBytes { Checksum.of($0) } == expected)
      #expect(ck_crc32c_ref(0, bytes, bytes.count) == expected)
      var parts = Checksum()
      bytes.withUnsafeBytes { all in
        parts.update(.init(rebasing: all[..<5]))
        parts.update(.init(rebasing: all[5...]))
      }
      #expect(parts.value == expected)
    }
  }
}

extension Double {
  fileprivate func power(_ exponent: Float) -> Float {
    var value: Float = 1
    for _ in 0..<Int(abs(exponent)) { value *= exponent < 0 ? 0.1 : 10 }
    return value
  }
}
