import Compute
import Foundation
import Inference
import Testing

/// The float kernels: every instruction set gives the reference's bits, and the reference is right.
@Suite struct VectorKernelTests {
  static let lengths = Array(0...49) + [64, 100, 576]

  static func random(_ count: Int, seed: UInt64) -> [Float] {
    var random = RandomSource(seed: seed)
    return (0..<count).map { _ in Float(random.unit() * 12 - 6) }
  }

  /// All kernels of one table on vectors of one length, as one run of bits.
  static func results(_ k: VectorKernels, count n: Int) -> [UInt32] {
    let x = random(max(1, n), seed: 1)
    let y = random(max(1, n), seed: 2)
    let z = random(max(1, n), seed: 3)
    var all: [Float] = []
    func run(_ start: [Float], _ body: (UnsafeMutablePointer<Float>) -> Void) {
      var copy = start
      copy.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
      all += copy
    }
    if n > 0 {
      run(x) { k.rmsNorm($0, weight: y, into: $0, count: n, epsilon: 1e-5) }
      run(x) { k.layerNorm($0, weight: y, bias: z, into: $0, count: n, epsilon: 1e-5) }
    }
    run(x) { k.add(y, to: $0, count: n) }
    run(x) { k.add(y, times: 0.37, to: $0, count: n) }
    run(x) { k.scale($0, by: 1.7, count: n) }
    run(x) { k.gate(.silu, $0, up: y, count: n) }
    run(x) { k.gate(.geluTanh, $0, up: y, count: n) }
    run(x) { k.gate(.clampedSwiGLU(alpha: 1.702, limit: 3), $0, up: y, count: n) }
    run(x) { k.geluErf($0, count: n) }
    run(x) { k.softCap($0, count: n, cap: 5) }
    run(x) { k.exp($0, into: $0, count: n) }
    all.append(k.dot(x, y, count: n))
    run(x) { k.rope($0, pairing: .halves, cosines: y, sines: z, pairs: n / 2) }
    run(x) { k.rope($0, pairing: .neighbours, cosines: y, sines: z, pairs: n / 2) }
    return all.map(\.bitPattern)
  }

  @Test("Every instruction set gives the reference's bits at every length")
  func equalBits() throws {
    let reference = try #require(VectorKernels(.reference))
    for n in Self.lengths {
      let expected = Self.results(reference, count: n)
      for set in VectorKernels.InstructionSet.allCases {
        guard let kernels = VectorKernels(set) else { continue }
        #expect(Self.results(kernels, count: n) == expected, "\(set), length \(n)")
      }
    }
  }

  @Test("Activations equal their definitions in double precision")
  func definitions() throws {
    let k = VectorKernels.best
    let x = Self.random(1000, seed: 9)
    func check(
      _ tolerance: Double, _ body: (UnsafeMutablePointer<Float>) -> Void, _ f: (Double) -> Double
    ) {
      var copy = x
      copy.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
      let worst = zip(copy, x).map { abs(Double($0) - f(Double($1))) }.max() ?? 1
      #expect(worst <= tolerance)
    }
    let ones = [Float](repeating: 1, count: 1000)
    check(1e-6, { k.gate(.silu, $0, up: ones, count: 1000) }) { $0 / (1 + exp(-$0)) }
    check(1e-6, { k.gate(.geluTanh, $0, up: ones, count: 1000) }) {
      0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)))
    }
    check(1.5e-6, { k.geluErf($0, count: 1000) }) { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) }
    check(3e-6, { k.gate(.clampedSwiGLU(alpha: 1.702, limit: 3), $0, up: ones, count: 1000) }) {
      let gate = min($0, 3)
      return gate / (1 + exp(-1.702 * gate)) * 2
    }
    check(2e-6, { k.softCap($0, count: 1000, cap: 5) }) { 5 * tanh($0 / 5) }
  }

  @Test("exp: infinities, the ends of the range, and numbers that are none")
  func exponential() {
    let x: [Float] = [-.infinity, -200, -87, 0, 1, 88, .nan]
    var y = x
    VectorKernels.best.exp(x, into: &y, count: x.count)
    #expect(y[0] == 0 && y[1] == 0 && y[3] == 1 && y[6].isNaN)
    for i in [2, 4, 5] {
      let exact = Foundation.exp(Double(x[i]))
      #expect(abs(Double(y[i]) - exact) <= 2e-7 * exact)
    }
  }

  /// Each run of `size` values as levels times a scale (ck_vector.h, store_q8 and store_q16).
  static func rounded(_ x: [Float], _ size: Int, levels: Float) -> [Float] {
    stride(from: 0, to: x.count, by: size).flatMap { first in
      let row = x[first..<first + size]
      let most = row.map(abs).max() ?? 0
      let magic: Float = 12_582_912
      return row.map { (magic.addingProduct($0, levels / most) - magic) * (most / levels) }
    }
  }

  @Test("A Hadamard transform is the matrix's product, keeps scores, and undoes itself")
  func hadamard() throws {
    for n in [16, 48, 64, 80, 256, 512] {
      let size = 1 << n.trailingZeroBitCount
      let (x, y) = (Self.random(n, seed: 21), Self.random(n, seed: 22))
      func turned(_ x: [Float], _ factor: Float, _ k: VectorKernels = .best) -> [Float] {
        var copy = x
        k.hadamard(&copy, count: n, times: factor)
        return copy
      }
      let own = turned(x, 1)
      for i in 0..<n {
        let first = i / size * size
        // The sign at (i, j) is the parity of the bits both have.
        let exact = (0..<size).reduce(0.0) { sum, j in
          let isOdd = ((i - first) & j).nonzeroBitCount % 2 == 1
          return isOdd ? sum - Double(x[first + j]) : sum + Double(x[first + j])
        }
        #expect(abs(Double(own[i]) - exact) < 1e-3)
      }
      func score(_ a: [Float], _ b: [Float]) -> Double {
        a.indices.reduce(0.0) { sum, i in sum + Double(a[i]) * Double(b[i]) }
      }
      let product = score(x, y)
      let after = score(own, turned(y, 1 / Float(size)))
      #expect(abs(product - after) < 2e-3)
      let back = turned(own, 1 / Float(size))
      let farthest = zip(back, x).map { abs($0 - $1) }.max() ?? 1
      #expect(farthest < 1e-4)
      for set in VectorKernels.InstructionSet.allCases {
        guard let kernels = VectorKernels(set) else { continue }
        #expect(turned(x, 0.25, kernels) == turned(x, 0.25), "\(set)")
      }
    }
  }

  @Test("8-bit keys that are no numbers spoil what sees them and nothing else")
  func notNumbers() throws {
    let size = 32
    var rows = [Self.random(size, seed: 1), [Float](repeating: 0, count: size)]
    rows.append(rows[0].map { $0 * 1e-38 })
    rows.append(rows[0])
    rows[3][5] = .nan
    rows.append(rows[0])
    rows[4][31] = -.infinity
    for set in VectorKernels.InstructionSet.allCases {
      guard let kernels = VectorKernels(set) else { continue }
      let cache = try #require(
        KeyValueCache(heads: 1, keySize: size, valueSize: size, positions: 64, element: .q8))
      let attention = Attention(
        kernels: kernels, heads: 1, keyHeads: 1, scale: 1, window: 1, sinks: nil)
      let scratch = Attention.Scratch(positions: 64, heads: 1, valueSize: size)
      let pool = WorkerPool(threads: 1)
      for (position, row) in rows.enumerated() {
        cache.store(head: 0, position: position, key: row, value: row, kernels: kernels)
        var out = [Float](repeating: 7, count: size)
        out.withUnsafeMutableBufferPointer {
          attention.attend(
            cache, queries: rows[0], tokens: 1, position: position, into: $0.baseAddress!,
            scratch: scratch, pool: pool)
        }
        switch position {
        case 0:
          let farthest = zip(out, row).map { abs($0 - $1) }.max() ?? 1
          #expect(farthest < 0.03)
        case 1, 2: #expect(out == [Float](repeating: 0, count: size))
        default:
          let odd = out.filter { $0.isNaN }.count
          #expect(odd == size)
        }
      }
    }
  }

  struct Shape: CustomStringConvertible, Sendable {
    var heads: Int
    var keyHeads: Int
    var size: Int
    var window: Int
    var sinks: Bool
    var element: CacheElement
    var description: String {
      "\(heads)/\(keyHeads) heads of \(size), window \(window), sinks \(sinks), \(element)"
    }
  }

  static let shapes = [
    Shape(heads: 3, keyHeads: 1, size: 64, window: 0, sinks: false, element: .f32),
    Shape(heads: 4, keyHeads: 2, size: 20, window: 0, sinks: true, element: .f32),
    Shape(heads: 8, keyHeads: 1, size: 64, window: 30, sinks: true, element: .f32),
    Shape(heads: 2, keyHeads: 2, size: 256, window: 100, sinks: false, element: .f32),
    Shape(heads: 5, keyHeads: 1, size: 40, window: 0, sinks: false, element: .q16),
    Shape(heads: 4, keyHeads: 1, size: 256, window: 100, sinks: false, element: .q16),
    Shape(heads: 9, keyHeads: 3, size: 64, window: 0, sinks: true, element: .q16),
    Shape(heads: 2, keyHeads: 1, size: 9, window: 70, sinks: false, element: .q16),
    Shape(heads: 40, keyHeads: 1, size: 16, window: 0, sinks: true, element: .f32),
    Shape(heads: 3, keyHeads: 1, size: 64, window: 0, sinks: false, element: .q8),
    Shape(heads: 4, keyHeads: 2, size: 20, window: 70, sinks: true, element: .q8),
  ]

  @Test("Attention equals its definition in double precision, in any split", arguments: shapes)
  func attention(shape: Shape) throws {
    let tokens = 330
    let q = Self.random(tokens * shape.heads * shape.size, seed: 4)
    let k = Self.random(tokens * shape.keyHeads * shape.size, seed: 5)
    let v = Self.random(tokens * shape.keyHeads * shape.size, seed: 6)
    let sinks = Self.random(shape.heads, seed: 7)
    let scale = 1 / Float(shape.size).squareRoot()
    let width = shape.heads * shape.size
    let pool = WorkerPool(threads: 2)

    func run(_ kernels: VectorKernels, batch: Int) throws -> [Float] {
      let positions = shape.window > 0 ? shape.window + batch + 64 : tokens
      let cache = try #require(
        KeyValueCache(
          heads: shape.keyHeads, keySize: shape.size, valueSize: shape.size, positions: positions,
          element: shape.element))
      let scratch = Attention.Scratch(
        positions: tokens, heads: shape.heads, valueSize: shape.size)
      var out = [Float](repeating: 0, count: tokens * width)
      sinks.withUnsafeBufferPointer { sinks in
        let attention = Attention(
          kernels: kernels, heads: shape.heads, keyHeads: shape.keyHeads, scale: scale,
          window: shape.window, sinks: shape.sinks ? sinks.baseAddress : nil)
        for first in stride(from: 0, to: tokens, by: batch) {
          let count = min(batch, tokens - first)
          for row in first..<first + count {
            for head in 0..<shape.keyHeads {
              let at = (row * shape.keyHeads + head) * shape.size
              k.withUnsafeBufferPointer { k in
                v.withUnsafeBufferPointer { v in
                  cache.store(
                    head: head, position: row, key: k.baseAddress! + at,
                    value: v.baseAddress! + at, kernels: kernels)
                }
              }
            }
          }
          q.withUnsafeBufferPointer { q in
            out.withUnsafeMutableBufferPointer { out in
              attention.attend(
                cache, queries: q.baseAddress! + first * width, tokens: count, position: first,
                into: out.baseAddress! + first * width, scratch: scratch, pool: pool)
            }
          }
        }
      }
      return out
    }

    let whole = try run(.best, batch: tokens)
    for batch in [1, 13, 64] { #expect(try run(.best, batch: batch) == whole, "batch \(batch)") }
    if let avx2 = VectorKernels(.avx2) { #expect(try run(avx2, batch: 50) == whole) }
    let reference = try #require(VectorKernels(.reference))
    #expect(try run(reference, batch: 100) == whole)

    // What is kept is defined to the bit, so that is what the definition works on; q16 rounds queries as well,
    // and the weights of values, to an 8191st of a tile's largest.
    let tolerance = shape.element == .q16 ? 2e-3 : 5e-5
    func kept(_ x: [Float]) -> [Float] {
      switch shape.element {
      case .f32: x
      case .q8: Self.rounded(x, shape.size, levels: 127)
      case .q16: Self.rounded(x, shape.size, levels: 8191)
      }
    }
    let (keys, values) = (kept(k), kept(v))
    let queries = shape.element == .q16 ? kept(q) : q
    for row in [0, 1, 17, 63, 64, 255, 256, 329] {
      for head in [0, shape.heads - 1] {
        let keyHead = head / (shape.heads / shape.keyHeads)
        let first = shape.window > 0 ? max(0, row - shape.window + 1) : 0
        var scores: [Double] = (first...row).map { key in
          var dot = 0.0
          for d in 0..<shape.size {
            dot +=
              Double(queries[row * width + head * shape.size + d])
              * Double(keys[(key * shape.keyHeads + keyHead) * shape.size + d])
          }
          return dot * Double(scale)
        }
        if shape.sinks { scores.append(Double(sinks[head])) }
        let top = scores.max() ?? 0
        let sum = scores.reduce(0) { $0 + exp($1 - top) }
        for d in 0..<shape.size {
          var expected = 0.0
          for key in first...row {
            expected +=
              exp(scores[key - first] - top) / sum
              * Double(values[(key * shape.keyHeads + keyHead) * shape.size + d])
          }
          let found = Double(whole[row * width + head * shape.size + d])
          #expect(abs(found - expected) < tolerance, "row \(row), head \(head), \(d)")
        }
      }
    }
  }
}
