import Compute
import Tensors
import Testing

/// Gated pairs against the steps they are made of: two products, their activation, rounding; seen
/// through the product that reads them.
@Suite("Gated products")
struct GatedProductTests {
  /// What one layer multiplies with.
  private struct Layer {
    var gate: WeightMatrix
    var up: WeightMatrix
    var down: WeightMatrix
    var gateBias: FloatBuffer?
    var upBias: FloatBuffer?

    init(_ types: [ElementType], rows: Int, columns: Int, biased: Bool) {
      gate = randomWeights(types[0], rows: rows, columns: columns, seed: 1)
      up = randomWeights(types[1], rows: rows, columns: columns, seed: 2)
      down = randomWeights(types[2], rows: 48, columns: rows, seed: 3)
      gateBias = biased ? randomActivations(tokens: 1, columns: rows, seed: 4) : nil
      upBias = biased ? randomActivations(tokens: 1, columns: rows, seed: 5) : nil
    }
  }

  private func stepByStep(
    _ engine: Engine, _ layer: Layer, _ x: FloatBuffer, tokens: Int, _ activation: Activation,
    precision: ActivationPrecision
  ) -> [UInt32] {
    let (rows, columns) = (layer.gate.rows, layer.gate.columns)
    let input = PreparedInput()
    engine.prepare(x.pointer, tokens: tokens, columns: columns, into: input, precision: precision)
    let gate = FloatBuffer(count: tokens * rows)
    let up = FloatBuffer(count: tokens * rows)
    engine.multiply([layer.gate, layer.up], input, into: [gate.pointer, up.pointer])
    for token in 0..<tokens {
      VectorKernels.best.gate(
        activation, gate.pointer + token * rows, up: up.pointer + token * rows, count: rows,
        gateBias: layer.gateBias.map { UnsafePointer($0.pointer) },
        upBias: layer.upBias.map { UnsafePointer($0.pointer) })
    }
    return product(engine, layer.down, gate, tokens: tokens, precision: precision)
  }

  private func atOnce(
    _ engine: Engine, _ layer: Layer, _ x: FloatBuffer, tokens: Int, _ activation: Activation,
    precision: ActivationPrecision, split: Int? = nil
  ) -> [UInt32] {
    let (rows, columns) = (layer.gate.rows, layer.gate.columns)
    let input = PreparedInput()
    engine.prepare(x.pointer, tokens: tokens, columns: columns, into: input, precision: precision)
    // In two stretches that change places, as tokens of two experts would lie.
    let cut = min(split ?? 0, tokens)
    let floats = FloatBuffer(count: tokens * rows)
    let gated = PreparedInput()
    let out = FloatBuffer(count: tokens * layer.down.rows)
    engine.multiplyGated(
      [(0..<cut, tokens - cut), (cut..<tokens, 0)].map { range, place in
        GatedProduct(
          gate: layer.gate, up: layer.up, input, tokens: range, place: place,
          gateBias: layer.gateBias.map { UnsafePointer($0.pointer) },
          upBias: layer.upBias.map { UnsafePointer($0.pointer) })
      }, activation, tokens: tokens, into: gated, precision: precision,
      floats: engine.readsFloats(layer.down) ? floats.pointer : nil, vectors: .best)
    engine.multiply(layer.down, gated, into: out.pointer)
    let bits = out.buffer.map(\.bitPattern)
    let moved = (tokens - cut) * layer.down.rows
    return Array(bits[moved...] + bits[..<moved])
  }

  private static let activations: [Activation] = [
    .silu, .geluTanh, .clampedSwiGLU(alpha: 1.702, limit: 7),
  ]

  @Test(
    "A pair at once gives the bits of its steps, whatever the weights, threads and tokens",
    arguments: [
      [ElementType.q4_1, .q4_1, .q6_K], [.q4_K, .q6_K, .q4_K], [.mxfp4, .mxfp4, .mxfp4],
      [.q8_0, .f16, .q8_0], [.q4_1, .q4_1, .f16], [.f32, .f32, .f32],
    ])
  func bits(types: [ElementType]) {
    for (rows, columns) in [(256, 256), (1280, 512)] {
      for kernels in [KernelChoice.fast, .exact] {
        for threads in [1, 2, 3] {
          let engine = Engine(pool: WorkerPool(threads: threads), kernels: kernels)
          for tokens in [1, 2, 7, 9, 40] {
            let activation = Self.activations[(tokens + threads) % 3]
            let layer = Layer(types, rows: rows, columns: columns, biased: tokens % 2 == 1)
            let x = randomActivations(tokens: tokens, columns: columns, seed: UInt64(tokens))
            let precision = [ActivationPrecision.int8, .mixed, .int16][threads % 3]
            let expected = stepByStep(
              engine, layer, x, tokens: tokens, activation, precision: precision)
            for split in [0, tokens / 3] {
              let found = atOnce(
                engine, layer, x, tokens: tokens, activation, precision: precision, split: split)
              #expect(
                found == expected,
                "\(kernels), \(threads) threads, \(rows) rows, \(tokens) tokens, cut at \(split)")
            }
          }
        }
      }
    }
  }

  @Test("Rows that are no multiple of a chunk end where they should")
  func raggedRows() {
    for rows in [1, 15, 31, 33, 47, 300] {
      for kernels in [KernelChoice.fast, .exact] {
        let engine = Engine(pool: WorkerPool(threads: 2), kernels: kernels)
        let layer = Layer([.q8_0, .f32, .f32], rows: rows, columns: 64, biased: true)
        for tokens in [1, 12] {
          let x = randomActivations(tokens: tokens, columns: 64, seed: UInt64(rows))
          #expect(
            atOnce(engine, layer, x, tokens: tokens, .silu, precision: .int8)
              == stepByStep(engine, layer, x, tokens: tokens, .silu, precision: .int8),
            "\(kernels), \(rows) rows, \(tokens) tokens")
        }
      }
    }
  }
}
