import Compute
import Tensors
import Testing

/// A coarse matrix never promises more than it holds: its products lie as near as it says.
@Suite("Coarse matrices")
struct CoarseMatrixTests {
  private static let rows = 48

  /// Random weights, and rows that are hard: zeros, one large value, all equal, very small ones, the
  /// widest levels.
  private static func weights(columns: Int, seed: UInt64) -> WeightMatrix {
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

  private static func coarse(
    _ full: WeightMatrix, typical: [[Float]], engine: Engine, kernels: VectorKernels = .best
  ) -> CoarseMatrix? {
    let memory = typical.map { vector in
      let copy = UnsafeMutableBufferPointer<Float>.allocate(capacity: vector.count)
      _ = copy.initialize(from: vector)
      return copy
    }
    defer { for copy in memory { copy.deallocate() } }
    return CoarseMatrix(
      MatrixRows(full, isRead: false), typical: memory.map { UnsafeBufferPointer($0) },
      engine: engine, kernels: kernels)
  }

  /// Products of both matrices with x, and the length the coarse one gives it.
  private static func products(
    _ engine: Engine, _ full: WeightMatrix, _ coarse: CoarseMatrix, _ x: [Float],
    precision: (full: ActivationPrecision, coarse: ActivationPrecision)
  ) -> (exact: [Float], near: [Float], length: Float) {
    let fine = PreparedInput()
    let input = precision.full == precision.coarse ? fine : PreparedInput()
    let (exact, near) = (FloatBuffer(count: full.rows), FloatBuffer(count: full.rows))
    return x.withUnsafeBufferPointer { x in
      for (input, precision) in [(fine, precision.full), (input, precision.coarse)] {
        engine.prepare(
          x.baseAddress!, tokens: 1, columns: full.columns, into: input, precision: precision)
      }
      engine.multiply(full, fine, into: exact.pointer)
      coarse.multiply(input, into: near.pointer, engine: engine)
      return (
        Array(exact.buffer), Array(near.buffer), coarse.length(input, beside: fine, token: 0)
      )
    }
  }

  @Test(
    "Products differ by no more than the error times the length, along the worst directions too",
    arguments: [32, 96, 576, 640, 2880], [false, true])
  func bound(columns: Int, uneven: Bool) throws {
    let engine = Engine(pool: WorkerPool(threads: 2))
    let full = Self.weights(columns: columns, seed: UInt64(columns))
    var random = Random(3)
    // Vectors of which a few columns are much larger than the others.
    func noise() -> [Float] {
      (0..<columns).map { random.normal() * (uneven && $0 % 37 == 5 ? 40 : 1) }
    }
    let typical = (0..<8).map { _ in noise() }
    let coarse = try #require(Self.coarse(full, typical: typical, engine: engine))
    let flat = [Float](repeating: 1, count: columns)
    let even = try #require(Self.coarse(full, typical: [flat], engine: engine))
    var worst = 0.0
    var (lengths, flatLengths) = (0.0, 0.0)
    for row in 0..<Self.rows {
      let own = Self.floats(full, row: row)
      let rest = zip(own, coarse.floats(row: row)).map { $0 - $1 }
      for (index, x) in [rest, rest.map { -1e4 * $0 }, noise(), own].enumerated() {
        for precision in [
          (ActivationPrecision.int8, .int8), (.int16, .int16), (.int16, .mixed), (.int16, .int8),
        ]
          as [(ActivationPrecision, ActivationPrecision)]
        {
          for (matrix, isEven) in [(coarse, false), (even, true)] {
            let products = Self.products(engine, full, matrix, x, precision: precision)
            for place in 0..<Self.rows {
              let most = matrix.errors[place] * products.length
              let difference = abs(products.exact[place] - products.near[place])
              #expect(difference <= most, "row \(place), \(products.exact[place])")
              if isEven, precision.1 == precision.0, most > 0 {
                worst = max(worst, Double(difference / most))
              }
            }
            guard index == 2, precision == (.int16, .int16) else { continue }
            let bound = Double(matrix.errors[Self.rows - 1] * products.length)
            if isEven { flatLengths += bound } else { lengths += bound }
          }
        }
      }
    }
    // No wider than it has to be, and narrower for knowing which columns are large.
    #expect(worst > 0.9)
    if uneven, columns > 500 { #expect(lengths < 0.75 * flatLengths) }
  }

  @Test("A row with a scale that is no number, or too large for a half, promises nothing")
  func notFinite() throws {
    let engine = Engine(pool: WorkerPool(threads: 1))
    let full = randomWeights(.q8_0, rows: 4, columns: 64, seed: 1)
    let bytes = UnsafeMutableRawPointer(mutating: full.pointer)
    for (row, scale) in [Float16.nan, .infinity, 65504].enumerated() {
      bytes.storeBytes(of: scale, toByteOffset: row * full.rowBytes, as: Float16.self)
      bytes.storeBytes(of: 127, toByteOffset: row * full.rowBytes + 2, as: Int8.self)
    }
    let coarse = try #require(
      Self.coarse(full, typical: [[Float](repeating: 1, count: 64)], engine: engine))
    let open = coarse.errors.map { $0.isNaN || $0 > 1e6 }
    #expect(open == [true, true, true, false])
    for row in 0..<4 {
      let held = coarse.floats(row: row)
      #expect(held.allSatisfy { $0.isFinite })
    }
  }

  @Test("Typical vectors that say nothing are as good as equal columns")
  func strangeVectors() throws {
    let engine = Engine(pool: WorkerPool(threads: 1))
    let full = Self.weights(columns: 96, seed: 2)
    let even = try #require(Self.coarse(full, typical: [], engine: engine))
    for value: Float in [0, .nan, .infinity] {
      let other = try #require(
        Self.coarse(full, typical: [[Float](repeating: value, count: 96)], engine: engine))
      #expect(Array(other.errors) == Array(even.errors))
    }
  }

  @Test("All instruction sets make the same coarse matrix", arguments: [32, 512, 544, 1088])
  func sameBits(columns: Int) throws {
    let engine = Engine(pool: WorkerPool(threads: 2))
    let full = Self.weights(columns: columns, seed: 9)
    var random = Random(4)
    let typical = [(0..<columns).map { _ in random.normal() }]
    func made(_ kernels: VectorKernels) throws -> ([UInt32], [UInt32]) {
      let coarse = try #require(
        Self.coarse(full, typical: typical, engine: engine, kernels: kernels))
      let floats = (0..<Self.rows).flatMap { coarse.floats(row: $0).map(\.bitPattern) }
      return (floats, coarse.errors.map(\.bitPattern))
    }
    let reference = try made(try #require(VectorKernels(.reference)))
    for set in VectorKernels.InstructionSet.allCases {
      guard let kernels = VectorKernels(set) else { continue }
      let other = try made(kernels)
      #expect(other.0 == reference.0 && other.1 == reference.1, "\(set)")
    }
  }
  @Test(
    "All instruction sets multiply it to the same bits, for every number of tokens and rows",
    arguments: [1, 15, 16, 17, 45, 48])
  func sameProducts(rows: Int) throws {
    let columns = 96
    let part = randomWeights(.q8_0, rows: rows, columns: columns, seed: 5)
    var random = Random(6)
    // The middle block of each token is far larger than the others.
    let x = FloatBuffer(count: 17 * columns)
    for index in 0..<x.count {
      x.pointer[index] = random.normal() * (index % columns / 32 == 1 ? 30 : 1)
    }
    for precision in [ActivationPrecision.int8, .mixed, .int16] {
      for tokens in 1...17 {
        var known: [UInt32] = []
        for table in KernelTable.available {
          let engine = Engine(pool: WorkerPool(threads: 2), kernels: .fast, table: table)
          let coarse = try #require(
            Self.coarse(part, typical: [Array(x.buffer.prefix(columns))], engine: engine))
          let input = PreparedInput()
          engine.prepare(
            x.pointer, tokens: tokens, columns: columns, into: input, precision: precision)
          let out = FloatBuffer(count: tokens * rows)
          coarse.multiply(input, into: out.pointer, engine: engine)
          let found = out.buffer.map(\.bitPattern)
          if known.isEmpty {
            known = found
            // The reference itself, beside plain sums.
            for (token, row) in [(0, 0), (tokens - 1, rows - 1)] {
              let rounded = input.rounded(token: token)
              let terms = zip(coarse.floats(row: row), rounded).map { Double($0) * Double($1) }
              let size = terms.reduce(0) { $0 + abs($1) }
              let product = Double(out.pointer[token * rows + row])
              #expect(abs(product - terms.reduce(0, +)) <= 1e-5 * size)
            }
          }
          #expect(found == known, "\(table), \(tokens) tokens, \(precision)")
        }
      }
    }
  }
}
