import CKernels
import Compute
import Tensors
import Testing

@Suite("Weights in bytes")
struct Int8Tests {
  /// Of a product, as a part of |weights| · |activations|. Measured worst of floats with large ones among
  /// them: 9e-3, and 2.2e-3 where all columns are rotated by the largest matrix.
  static func maxError(columns: Int) -> Double { columns % 128 == 0 ? 3e-3 : 1e-2 }
  static let rowCounts = [1, 16, 31, 32, 33, 70]
  static let columnCounts = [1, 2, 3, 15, 16, 97, 127, 128, 129, 384, 400]

  let pool = WorkerPool(threads: 2)

  /// Floats with a few that are much larger than the rest, as activations have.
  static func floats(_ count: Int, seed: UInt64) -> [Float] {
    var random = Random(seed)
    return (0..<count).map { $0 % 97 == 5 ? 20 * random.normal() : random.normal() }
  }

  static func matrix(_ floats: [Float], rows: Int) -> WeightMatrix {
    let owner = Bytes(floats.flatMap { f in withUnsafeBytes(of: f) { [UInt8]($0) } })
    return WeightMatrix(
      pointer: owner.pointer, rows: rows, columns: floats.count / rows, type: .f32, owner: owner)
  }

  func apply(_ layer: DenseLayer, _ x: [Float], blocks: [Range<Int>]) -> [Float] {
    let tokens = x.count / layer.columns
    let out = FloatBuffer(count: tokens * layer.rows)
    let scratch = UnsafeMutableRawPointer.allocate(
      byteCount: layer.scratchBytes(tokens: tokens), alignment: 64)
    defer { scratch.deallocate() }
    x.withUnsafeBufferPointer { x in
      for block in blocks {
        layer.apply(
          x.baseAddress! + block.lowerBound * layer.columns, tokens: block.count,
          into: out.pointer + block.lowerBound * layer.rows, scratch: scratch)
      }
    }
    return Array(out.buffer)
  }

  func layer(
    _ w: [Float], _ bias: [Float], _ kernels: Int8Kernels = .best, vectors: VectorKernels = .best,
    finer: Bool = false, choice: KernelChoice = .fast
  ) -> DenseLayer {
    bias.withUnsafeBufferPointer {
      DenseLayer(
        [.init(Self.matrix(w, rows: bias.count), bias: $0.baseAddress!, isFiner: finer)],
        kernels: choice, on: pool,
        integer: kernels, vectors: vectors)
    }
  }

  @Test("Every instruction set gives the reference's bits, in any blocks of tokens")
  func equalBits() throws {
    let tokens = 27
    for rows in Self.rowCounts {
      for columns in Self.columnCounts {
        let w = Self.floats(rows * columns, seed: UInt64(rows * 1000 + columns))
        let x = Self.floats(tokens * columns, seed: 7)
        let bias = Self.floats(rows, seed: 8)
        let whole = [0..<tokens]
        let expected = apply(layer(w, bias, Int8Kernels.available[0]), x, blocks: whole)
        for kernels in Int8Kernels.available {
          let own = layer(w, bias, kernels)
          #expect(apply(own, x, blocks: whole) == expected, "\(kernels.name), \(rows)×\(columns)")
          var cuts = [0]
          for size in [1, 2, 3, 4, 5, 7, 5] { cuts.append(cuts.last! + size) }
          let blocks = zip(cuts, cuts.dropFirst()).map { $0..<$1 }
          #expect(apply(own, x, blocks: blocks) == expected, "\(kernels.name), \(rows)×\(columns)")
        }
        for set in VectorKernels.InstructionSet.allCases {
          guard let vectors = VectorKernels(set) else { continue }
          let out = apply(layer(w, bias, vectors: vectors), x, blocks: whole)
          #expect(out == expected, "\(set), \(rows)×\(columns)")
        }
      }
    }
  }

  @Test("Products are those of double precision, to within a hundredth of the vectors' lengths")
  func precision() throws {
    let (rows, tokens) = (40, 9)
    for columns in Self.columnCounts {
      let w = Self.floats(rows * columns, seed: 3)
      let x = Self.floats(tokens * columns, seed: 4)
      let bias = Self.floats(rows, seed: 5)
      let out = apply(layer(w, bias), x, blocks: [0..<tokens])
      for t in 0..<tokens {
        for r in 0..<rows {
          var (sum, ww, xx) = (Double(bias[r]), 0.0, 0.0)
          for k in 0..<columns {
            let (a, b) = (Double(w[r * columns + k]), Double(x[t * columns + k]))
            sum += a * b
            ww += a * a
            xx += b * b
          }
          let bound = Self.maxError(columns: columns) * (ww * xx).squareRoot() + 1e-6 * abs(sum)
          #expect(abs(Double(out[t * rows + r]) - sum) <= bound)
        }
      }
    }
  }

  @Test("Finer weights leave only what the activations lose, and their rows alone are finer")
  func finer() throws {
    let (rows, columns) = (96, 256)
    let w = Self.floats(rows * columns, seed: 3)
    let bias = Self.floats(rows, seed: 5)
    // One level for every value: nothing is lost of these activations.
    let x = (0..<columns).map { $0 == 77 ? Float(1) : 0 }
    let plain = apply(layer(w, bias), x, blocks: [0..<1])
    let all = apply(layer(w, bias, finer: true), x, blocks: [0..<1])
    func farthest(_ out: [Float]) -> Float {
      (0..<rows).map { abs(out[$0] - bias[$0] - w[$0 * columns + 77]) }.max() ?? 1
    }
    #expect(farthest(plain) > 1e-2)
    #expect(farthest(all) < 3e-4)
    for kernels in Int8Kernels.available {
      #expect(apply(layer(w, bias, kernels, finer: true), x, blocks: [0..<1]) == all)
    }
    let middle = bias.withUnsafeBufferPointer { bias in
      DenseLayer(
        (0..<3).map { part in
          let own = Array(w[part * 32 * columns..<(part + 1) * 32 * columns])
          return .init(
            Self.matrix(own, rows: 32), bias: bias.baseAddress! + part * 32, isFiner: part == 1)
        }, kernels: .fast, on: pool)
    }
    let out = apply(middle, x, blocks: [0..<1])
    #expect(out == Array(plain[0..<32] + all[32..<64] + plain[64..<96]))
    #expect(middle.byteCount > layer(w, bias).byteCount)
  }

  @Test("The largest sums of products do not overflow")
  func largest() throws {
    for columns in [384, 768] {
      for sign in [Float(1), -1] {
        let w = [Float](repeating: 3, count: 2 * columns)
        let x = [Float](repeating: 5 * sign, count: columns)
        for kernels in Int8Kernels.available {
          let out = apply(layer(w, [0, 0], kernels), x, blocks: [0..<1])
          let exact = Float(columns) * 15 * sign
          #expect(out.allSatisfy { abs($0 - exact) <= 2e-3 * abs(exact) }, "\(kernels.name)")
        }
      }
    }
  }

  @Test("A value that is not finite spoils its token, or its row of weights, and no other")
  func notFinite() throws {
    let columns = 400
    for bad in [Float.nan, .infinity, -.infinity] {
      var x = Self.floats(3 * columns, seed: 1)
      x[columns + 17] = bad
      var w = Self.floats(3 * columns, seed: 2)
      for kernels in Int8Kernels.available {
        let out = apply(layer(w, [0, 0, 0], kernels), x, blocks: [0..<3])
        #expect(out[0..<3].allSatisfy { $0.isFinite })
        #expect(out[6..<9].allSatisfy { $0.isFinite })
        #expect(out[3..<6].allSatisfy { $0.isNaN })
      }
      x[columns + 17] = 0
      w[2 * columns + 390] = bad
      let out = apply(layer(w, [0, 0, 0]), x, blocks: [0..<3])
      for t in 0..<3 {
        #expect(out[3 * t].isFinite && out[3 * t + 1].isFinite && out[3 * t + 2].isNaN)
      }
    }
  }

  @Test("Zeros, and values too small to matter, give the bias")
  func zeros() throws {
    let w = Self.floats(2 * 20, seed: 2)
    for x in [Float(0), .leastNonzeroMagnitude, -1e-35] {
      let out = apply(layer(w, [1.5, -2]), [Float](repeating: x, count: 20), blocks: [0..<1])
      #expect(out == [1.5, -2])
    }
    let none = layer([Float](repeating: 0, count: 40), [1.5, -2])
    #expect(apply(none, Self.floats(20, seed: 9), blocks: [0..<1]) == [1.5, -2])
  }

  @Test(
    "Matrices laid one below the other give what each gives alone",
    arguments: [
      KernelChoice.fast, .exact,
    ])
  func stacked(choice: KernelChoice) throws {
    let (columns, tokens) = (50, 6)
    let w = [33, 5, 64].map { Self.floats($0 * columns, seed: UInt64($0)) }
    let bias = [33, 5, 64].map { Self.floats($0, seed: UInt64($0 + 1)) }
    let x = Self.floats(tokens * columns, seed: 70)
    let all = layer(w.flatMap { $0 }, bias.flatMap { $0 }, choice: choice)
    let parts = zip(w, bias).map { weights, bias in
      apply(layer(weights, bias, choice: choice), x, blocks: [0..<tokens])
    }
    let joined = bias.flatMap { $0 }.withUnsafeBufferPointer { joined in
      let starts = [0, 33, 38]
      return DenseLayer(
        (0..<3).map {
          .init(Self.matrix(w[$0], rows: bias[$0].count), bias: joined.baseAddress! + starts[$0])
        },
        kernels: choice, on: pool)
    }
    let out = apply(joined, x, blocks: [0..<tokens])
    #expect(out == apply(all, x, blocks: [0..<tokens]))
    for t in 0..<tokens {
      let row = parts.enumerated().flatMap { i, part in
        part[t * bias[i].count..<(t + 1) * bias[i].count]
      }
      #expect(Array(out[t * 102..<(t + 1) * 102]) == row)
    }
  }
}
