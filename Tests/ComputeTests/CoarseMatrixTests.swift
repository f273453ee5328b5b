import Compute
import Tensors
import Testing

/// Products stay below what a coarse matrix says, and not far below.
@Suite("Coarse matrices")
struct CoarseMatrixTests {
  private static let hardRows = 5

  /// Random weights, and rows that are hard: zeros, one large value, all equal, very small ones, the
  /// widest levels.
  private static func weights(rows: Int = 48, columns: Int, seed: UInt64) -> WeightMatrix {
    let matrix = randomWeights(.q8_0, rows: rows, columns: columns, seed: seed)
    let bytes = UnsafeMutableRawPointer(mutating: matrix.pointer)
    func set(_ row: Int, scale: Float16, _ level: (Int) -> Int8) {
      for block in 0..<columns / 32 {
        let place = bytes + row * matrix.rowBytes + block * 34
        place.storeBytes(of: scale, as: Float16.self)
        for column in 0..<32 {
          place.storeBytes(of: level(block * 32 + column), toByteOffset: 2 + column, as: Int8.self)
        }
      }
    }
    set(0, scale: 0.5) { _ in 0 }
    set(1, scale: 0.25) { $0 == 5 ? 127 : 1 }
    set(2, scale: 0.25) { _ in -1 }
    set(3, scale: 6e-8) { Int8($0 % 100) }
    set(4, scale: 30) { $0 % 2 == 0 ? -128 : 127 }
    return matrix
  }

  private static func floats(_ w: WeightMatrix, row: Int) -> [Float] {
    let engine = Engine(pool: WorkerPool(threads: 1), kernels: .exact)
    return [Float](unsafeUninitializedCapacity: w.columns) { buffer, count in
      engine.dequantizeRow(w, row: row, into: buffer.baseAddress!)
      count = w.columns
    }
  }

  /// Products of the full matrix, and what the coarse one says of them.
  private struct Products {
    var exact: [Float] = []
    var upper: [Float] = []
    var tops: [Float] = []
  }

  private static func products(
    _ engine: Engine, _ full: WeightMatrix, _ coarse: CoarseMatrix, _ x: [Float], tokens: Int = 1,
    _ precision: ActivationPrecision = .int16, seen: ActivationPrecision = .int16
  ) -> Products {
    let fine = PreparedInput()
    let (exact, upper) = (
      FloatBuffer(count: tokens * full.rows), FloatBuffer(count: tokens * full.rows)
    )
    let tops = FloatBuffer(count: tokens * CoarseMatrix.tiles(rows: full.rows))
    return x.withUnsafeBufferPointer { x in
      engine.prepare(
        x.baseAddress!, tokens: tokens, columns: full.columns, into: fine, precision: precision)
      engine.multiply(full, fine, into: exact.pointer)
      coarse.upperBounds(
        of: fine, precision: seen, in: PreparedInput(), into: upper.pointer, tops: tops.pointer,
        engine: engine)
      return Products(
        exact: Array(exact.buffer), upper: Array(upper.buffer), tops: Array(tops.buffer))
    }
  }

  private static func coarse(
    _ full: WeightMatrix, typical: [[Float]] = [], engine: Engine, kernels: VectorKernels = .best
  ) throws -> CoarseMatrix {
    let memory = typical.map { vector in
      let copy = UnsafeMutableBufferPointer<Float>.allocate(capacity: vector.count)
      _ = copy.initialize(from: vector)
      return copy
    }
    defer { for copy in memory { copy.deallocate() } }
    return try #require(
      CoarseMatrix(
        MatrixRows(full, isRead: false), typical: memory.map { UnsafeBufferPointer($0) },
        engine: engine, kernels: kernels))
  }

  private static func dot(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
  }

  @Test(
    "Products stay below their bounds, whatever the rows, the vectors and their rounding",
    arguments: [32, 96, 576, 640, 2880], [false, true])
  func bound(columns: Int, uneven: Bool) throws {
    let engine = Engine(pool: WorkerPool(threads: 2))
    let full = Self.weights(columns: columns, seed: UInt64(columns))
    var random = Random(3)
    let typical = (0..<2).map { _ in (0..<columns).map { _ in 1 + random.normal() } }
    let coarse = try Self.coarse(full, typical: uneven ? typical : [], engine: engine)
    for row in 0..<full.rows {
      // Vectors of which a few columns are much larger than the others, one column alone, and the row.
      let noise = (0..<columns).map { random.normal() * (uneven && $0 % 37 == 5 ? 40 : 1) }
      let single = (0..<columns).map { Float($0 == row % columns ? 3 : 0) }
      for x in [noise, noise.map { -1e4 * $0 }, single, Self.floats(full, row: row), typical[0]] {
        for (precision, seen) in [
          (.int8, .int8), (.int16, .int16), (.int16, .mixed), (.int16, .int8),
        ] as [(ActivationPrecision, ActivationPrecision)] {
          let products = Self.products(engine, full, coarse, x, precision, seen: seen)
          for (place, pair) in zip(products.exact, products.upper).enumerated() {
            #expect(pair.0 <= pair.1, "row \(place)")
          }
        }
      }
    }
  }

  @Test("Errors are those of even distributions, and the bound is 9.4 times as wide")
  func distribution() throws {
    let engine = Engine(pool: WorkerPool(threads: 2))
    let (rows, columns) = (4096, 640)
    let full = Self.weights(rows: rows, columns: columns, seed: 11)
    let coarse = try Self.coarse(full, engine: engine)
    let weights = (0..<rows).map { coarse.floats(row: $0) }
    var random = Random(12)
    var (count, sum, squares, largest) = (0.0, 0.0, 0.0, 0.0)
    for uneven in [false, true] {
      for _ in 0..<8 {
        let x = (0..<columns).map { random.normal() * (uneven && $0 % 37 == 5 ? 9 : 1) }
        let products = Self.products(engine, full, coarse, x)
        for row in Self.hardRows..<rows {
          let middle = Self.dot(weights[row], x)
          let part =
            (Double(products.exact[row]) - middle) / (Double(products.upper[row]) - middle)
          count += 1
          sum += part
          squares += part * part
          largest = max(largest, abs(part))
        }
      }
    }
    // The standard deviation is √(1/12), the bound √(64 ln 2 / 6) = 2.719.
    let deviation = (squares / count - (sum / count) * (sum / count)).squareRoot()
    #expect(abs(deviation - 0.1062) < 0.002, "\(deviation)")
    #expect(abs(sum / count) < 0.01)
    // Of 65,000 the farthest is at some 4.3 standard deviations.
    #expect(largest > 0.36 && largest < 0.62, "\(largest)")
  }

  @Test("What vectors have in common makes no error")
  func common() throws {
    let engine = Engine(pool: WorkerPool(threads: 2))
    let full = Self.weights(rows: 1000, columns: 576, seed: 31)
    var random = Random(32)
    // Of the length of each, half is common to all.
    func vector() -> [Float] { (0..<576).map { ($0 % 3 == 0 ? 1 : -1) + random.normal() } }
    let typical = (0..<32).map { _ in vector() }
    let plain = try Self.coarse(full, engine: engine)
    let coarse = try Self.coarse(full, typical: typical, engine: engine)
    let x = vector()
    let (wide, narrow) = (
      Self.products(engine, full, plain, x), Self.products(engine, full, coarse, x)
    )
    func room(_ products: Products) -> Double {
      zip(products.upper, products.exact).dropFirst(Self.hardRows)
        .reduce(0.0) { $0 + Double($1.0 - $1.1) }
    }
    #expect(abs(room(narrow) / room(wide) - 0.707) < 0.04)
    // Vectors that say nothing are as good as none.
    for value: Float in [0, .nan, .infinity] {
      let other = try Self.coarse(
        full, typical: [[Float](repeating: value, count: 576)], engine: engine)
      #expect(Self.products(engine, full, other, x).upper == wide.upper)
    }
  }

  @Test("The most promising rows are where their products most likely are the largest")
  func tops() throws {
    let engine = Engine(pool: WorkerPool(threads: 2))
    let full = Self.weights(rows: 1000, columns: 576, seed: 21)
    let coarse = try Self.coarse(full, engine: engine)
    var random = Random(22)
    let x = (0..<576).map { _ in random.normal() }
    let products = Self.products(engine, full, coarse, x)
    #expect(products.tops.count == 63)
    for (tile, top) in products.tops.enumerated() {
      let rows = tile * CoarseMatrix.tileRows..<min(1000, (tile + 1) * CoarseMatrix.tileRows)
      let likely = rows.map { Self.dot(coarse.floats(row: $0), x) } + (tile == 62 ? [0] : [])
      #expect(abs(Double(top) - likely.max()!) < 0.01)
    }
  }

  @Test("Of a row with a scale that is no number nothing is known")
  func notFinite() throws {
    let engine = Engine(pool: WorkerPool(threads: 1))
    let full = randomWeights(.q8_0, rows: 4, columns: 64, seed: 1)
    let bytes = UnsafeMutableRawPointer(mutating: full.pointer)
    for (row, scale) in [Float16.nan, .infinity, -.infinity].enumerated() {
      bytes.storeBytes(of: scale, toByteOffset: row * full.rowBytes, as: Float16.self)
      bytes.storeBytes(of: 127, toByteOffset: row * full.rowBytes + 2, as: Int8.self)
    }
    let coarse = try Self.coarse(full, engine: engine)
    for x in [[Float](repeating: 1, count: 64), [Float](repeating: -1, count: 64)] {
      let products = Self.products(engine, full, coarse, x)
      #expect(products.upper.map { !($0 < .infinity) } == [true, true, true, false])
      #expect(products.tops.allSatisfy { !$0.isNaN })
    }
    let strange = [Float](repeating: .nan, count: 64)
    #expect(Self.products(engine, full, coarse, strange).upper.allSatisfy { !($0 < .infinity) })
  }

  @Test("The largest scale there is is no exception")
  func largestScale() throws {
    let engine = Engine(pool: WorkerPool(threads: 1))
    let full = randomWeights(.q8_0, rows: 16, columns: 64, seed: 1)
    let bytes = UnsafeMutableRawPointer(mutating: full.pointer)
    for scale in [Float16.greatestFiniteMagnitude, -.greatestFiniteMagnitude] {
      bytes.storeBytes(of: scale, as: Float16.self)
      let coarse = try Self.coarse(full, engine: engine)
      let products = Self.products(
        engine, full, coarse, (0..<64).map { $0 % 3 == 0 ? 1 : -0.5 })
      #expect(products.exact[0] <= products.upper[0] && products.upper[0].isFinite)
    }
  }

  @Test("All instruction sets make the same coarse matrix", arguments: [32, 512, 544, 1088])
  func sameBits(columns: Int) throws {
    let engine = Engine(pool: WorkerPool(threads: 2))
    let full = Self.weights(columns: columns, seed: 9)
    var random = Random(4)
    let x = (0..<columns).map { _ in random.normal() }
    func made(_ kernels: VectorKernels) throws -> ([UInt32], [UInt32]) {
      let coarse = try Self.coarse(full, typical: [x], engine: engine, kernels: kernels)
      let floats = (0..<full.rows).flatMap { coarse.floats(row: $0).map(\.bitPattern) }
      return (floats, Self.products(engine, full, coarse, x).upper.map(\.bitPattern))
    }
    let reference = try made(try #require(VectorKernels(.reference)))
    for set in VectorKernels.InstructionSet.allCases {
      guard let kernels = VectorKernels(set) else { continue }
      let other = try made(kernels)
      #expect(other.0 == reference.0 && other.1 == reference.1, "\(set)")
    }
  }

  @Test(
    "All instruction sets give the same bounds, for every number of tokens and rows",
    arguments: [1, 15, 16, 17, 45, 48])
  func sameProducts(rows: Int) throws {
    let columns = 96
    let part = randomWeights(.q8_0, rows: rows, columns: columns, seed: 5)
    var random = Random(6)
    // The middle block of each token is far larger than the others.
    let x = (0..<17 * columns).map { random.normal() * ($0 % columns / 32 == 1 ? 30 : 1) }
    for precision in [ActivationPrecision.int8, .mixed, .int16] {
      for tokens in 1...17 {
        var known: Products?
        for table in KernelTable.available {
          let engine = Engine(pool: WorkerPool(threads: 2), kernels: .fast, table: table)
          let coarse = try Self.coarse(part, typical: [Array(x.prefix(columns))], engine: engine)
          let found = Self.products(
            engine, part, coarse, Array(x.prefix(tokens * columns)), tokens: tokens, precision,
            seen: precision)
          guard let known else {
            known = found
            // The reference itself: bounds hold, and a token's are the same alone.
            #expect(zip(found.exact, found.upper).allSatisfy { $0 <= $1 })
            let last = Array(x[(tokens - 1) * columns..<tokens * columns])
            let alone = Self.products(engine, part, coarse, last, precision, seen: precision)
            #expect(alone.upper == Array(found.upper.suffix(rows)))
            #expect(alone.tops == Array(found.tops.suffix(alone.tops.count)))
            continue
          }
          #expect(found.upper.map(\.bitPattern) == known.upper.map(\.bitPattern), "\(table)")
          #expect(found.tops.map(\.bitPattern) == known.tops.map(\.bitPattern), "\(table)")
        }
      }
    }
  }
}
