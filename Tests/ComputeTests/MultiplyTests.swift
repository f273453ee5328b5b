import Tensors
import Testing

import Compute

/// How far products with int8 activations may be from the exact ones, relative to the norm of the
/// exact results, for activations of unit variance. Rounding to steps of max/127 alone gives about
/// 0.006.
private let maxErrorFast: [ElementType: Float] = [
  .q4_0: 0.008, .q4_1: 0.008, .q5_0: 0.008, .q5_1: 0.008, .q8_0: 0.008, .q4_K: 0.008,
  .q5_K: 0.008, .q6_K: 0.008, .mxfp4: 0.008, .q3_K: 0.008, .iq4_nl: 0.008, .iq4_xs: 0.008,
]

@Suite("Matrix products")
struct MultiplyTests {
  let one = WorkerPool(threads: 1)

  @Test("The exact kernels agree with sums in double precision", arguments: weightTypes)
  func exactIsRight(type: ElementType) {
    let (rows, columns, tokens) = (5, 512, 3)
    let w = randomWeights(type, rows: rows, columns: columns, seed: 1)
    let x = randomActivations(tokens: tokens, columns: columns, seed: 2)
    let engine = Engine(pool: one, kernels: .exact)
    let result = product(engine, w, x, tokens: tokens).map(Float.init(bitPattern:))
    let row = FloatBuffer(count: columns)
    for r in 0..<rows {
      engine.dequantizeRow(w, row: r, into: row.pointer)
      for t in 0..<tokens {
        var sum = 0.0
        var size = 0.0
        for k in 0..<columns {
          let term = Double(row.pointer[k]) * Double(x.pointer[t * columns + k])
          sum += term
          size += abs(term)
        }
        #expect(abs(Double(result[t * rows + r]) - sum) <= 1e-6 * size)
      }
    }
  }

  @Test(
    "The fast kernels are close to the exact ones, 200 times closer with 16-bit activations",
    arguments: quantizedTypes)
  func fastIsClose(type: ElementType) throws {
    let (rows, columns, tokens) = (64, 1024, 8)
    let w = randomWeights(type, rows: rows, columns: columns, seed: 3)
    let x = randomActivations(tokens: tokens, columns: columns, seed: 4)
    let exact = product(Engine(pool: one, kernels: .exact), w, x, tokens: tokens)
      .map(Float.init(bitPattern:))
    let size = exact.reduce(Float(0)) { $0 + $1 * $1 }
    let bound = try #require(maxErrorFast[type])
    for precision in [ActivationPrecision.int8, .mixed, .int16] {
      let fast = product(
        Engine(pool: one, kernels: .fast), w, x, tokens: tokens, precision: precision
      )
      .map(Float.init(bitPattern:))
      let error = zip(exact, fast).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      #expect((error / size).squareRoot() < (precision == .int16 ? bound / 200 : bound))
      #expect(error > 0)
    }
  }

  @Test(
    "Every instruction set gives the bits of the scalar kernels, at every small size",
    arguments: weightTypes, [KernelChoice.fast, .exact])
  func allTablesAgree(type: ElementType, kernels: KernelChoice) {
    let unit = max(32, type.blockElements)
    for blocks in 1...6 {
      for rows in 1...40 {
        for tokens in 1...20 {
          // Rows of the large blocks are eight times as long: every seventh case.
          if type.blockElements == 256, (rows + tokens + blocks) % 7 != 0 { continue }
          check(type, kernels, rows: rows, columns: blocks * unit, tokens: tokens)
        }
      }
    }
  }

  @Test(
    "Columns that fill no whole vector are right too", arguments: [ElementType.f32, .f16, .bf16])
  func raggedColumns(type: ElementType) {
    for columns in Array(1...70) + [383, 385, 1000] {
      check(type, .fast, rows: columns % 9 + 1, columns: columns, tokens: columns % 13 + 1)
    }
  }

  @Test("Long rows and many tokens give the bits of the scalar kernels", arguments: quantizedTypes)
  func longRows(type: ElementType) {
    for (rows, columns, tokens) in [(33, 4096, 1), (48, 2816, 37), (17, 9984, 5)] {
      check(type, .fast, rows: rows, columns: columns, tokens: tokens)
    }
  }

  private func check(
    _ type: ElementType, _ kernels: KernelChoice, rows: Int, columns: Int, tokens: Int
  ) {
    let seed = UInt64(rows * 1_000_000 + columns * 100 + tokens)
    let w = randomWeights(type, rows: rows, columns: columns, seed: seed)
    let x = randomActivations(tokens: tokens, columns: columns, seed: seed + 1)
    let bias = rows % 2 == 0 ? nil : (0..<rows).map { Float($0) * 0.25 - 1 }
    let precision = [ActivationPrecision.int8, .mixed, .int16][
      (rows / 3 + columns / 32 + tokens) % 3]
    let expected = product(
      Engine(pool: one, kernels: kernels, table: .reference), w, x, tokens: tokens, bias: bias,
      precision: precision)
    for table in KernelTable.available.dropFirst() {
      let found = product(
        Engine(pool: one, kernels: kernels, table: table), w, x, tokens: tokens, bias: bias,
        precision: precision)
      if found != expected {
        Issue.record(
          "\(table): \(rows) rows, \(columns) columns, \(tokens) tokens, \(precision)")
      }
    }
  }

  @Test(
    "Results do not depend on how tokens are split or on the thread count",
    arguments: weightTypes, [KernelChoice.fast, .exact])
  func invariance(type: ElementType, kernels: KernelChoice) {
    let (rows, columns, tokens) = (131, 768, 23)
    let w = randomWeights(type, rows: rows, columns: columns, seed: 11)
    let x = randomActivations(tokens: tokens, columns: columns, seed: 12)
    let whole = product(Engine(pool: one, kernels: kernels), w, x, tokens: tokens)
    for threads in [2, 3, 8] {
      let engine = Engine(pool: WorkerPool(threads: threads), kernels: kernels)
      #expect(product(engine, w, x, tokens: tokens) == whole)
    }
    let engine = Engine(pool: WorkerPool(threads: 2), kernels: kernels)
    for split in [1, 2, 3, 4, 5, 7, 16] {
      let input = PreparedInput()
      let out = FloatBuffer(count: tokens * rows)
      var start = 0
      while start < tokens {
        let count = min(split, tokens - start)
        engine.prepare(x.pointer + start * columns, tokens: count, columns: columns, into: input)
        engine.multiply(w, input, into: out.pointer + start * rows)
        start += count
      }
      #expect(out.buffer.map(\.bitPattern) == whole, "\(split) tokens at a time")
    }
  }

  @Test("Several products in one go equal the same products one by one")
  func together() {
    let columns = 256
    let engine = Engine(pool: WorkerPool(threads: 2), kernels: .fast)
    let stack = randomWeights(.mxfp4, rows: 40, columns: columns, experts: 3, seed: 21)
    let plain = randomWeights(.q4_1, rows: 7, columns: columns, seed: 22)
    let tokens = 9
    let x = randomActivations(tokens: tokens, columns: columns, seed: 23)
    let input = PreparedInput()
    engine.prepare(x.pointer, tokens: tokens, columns: columns, into: input)
    let together = FloatBuffer(count: 3000)
    let apart = FloatBuffer(count: 3000)
    func products(_ out: FloatBuffer) -> [MatrixProduct] {
      [
        MatrixProduct(stack.expert(2), input, tokens: 0..<2, into: out.pointer, stride: 50),
        MatrixProduct(stack.expert(0), input, tokens: 2..<9, into: out.pointer + 1000),
        MatrixProduct(plain, input, into: out.pointer + 2000),
        MatrixProduct(stack.expert(1), input, tokens: 4..<4, into: out.pointer),
      ]
    }
    engine.multiply(products(together))
    for product in products(apart) { engine.multiply([product]) }
    #expect(together.buffer.elementsEqual(apart.buffer))
    #expect(together.pointer[41] == 0 && together.pointer[50] != 0)
    let outs = FloatBuffer(count: 2 * tokens * 7)
    engine.multiply([plain, plain], input, into: [outs.pointer, outs.pointer + tokens * 7])
    #expect(outs.buffer[0..<63].elementsEqual(apart.buffer[2000..<2063]))
    #expect(outs.buffer[63..<126].elementsEqual(apart.buffer[2000..<2063]))
  }

  @Test("An activation that is not finite makes the results of its token, and no other, NaN")
  func notFinite() {
    let columns = 64
    let w = randomWeights(.q8_0, rows: 3, columns: columns, seed: 31)
    for (table, precision) in KernelTable.available.flatMap({
      [($0, ActivationPrecision.int8), ($0, .mixed), ($0, .int16)]
    }) {
      for bad in [Float.infinity, -.infinity, .nan] {
        let x = randomActivations(tokens: 2, columns: columns, seed: 32)
        x.pointer[40] = bad
        let engine = Engine(pool: one, kernels: .fast, table: table)
        let result = product(engine, w, x, tokens: 2, precision: precision).map(
          Float.init(bitPattern:))
        #expect(result[0..<3].allSatisfy { $0.isNaN })
        #expect(result[3..<6].allSatisfy { $0.isFinite })
      }
    }
  }

  @Test("Activations too small for a scale, and zeros, count as zero")
  func tiny() {
    let columns = 64
    let w = randomWeights(.q4_1, rows: 3, columns: columns, seed: 41)
    for (table, precision) in KernelTable.available.flatMap({
      [($0, ActivationPrecision.int8), ($0, .mixed), ($0, .int16)]
    }) {
      let x = FloatBuffer(count: columns)
      for i in 0..<columns { x.pointer[i] = i % 2 == 0 ? 1e-33 : -1e-37 }
      let engine = Engine(pool: one, kernels: .fast, table: table)
      let result = product(engine, w, x, tokens: 1, precision: precision).map(
        Float.init(bitPattern:))
      #expect(result == [0, 0, 0])
    }
  }
}
