import Compute
import Tensors
import Testing

/// What a fast engine keeps of activations.
@Suite("Activation precision")
struct ActivationPrecisionTests {
  private static let engine = Engine(pool: WorkerPool(threads: 2), kernels: .fast)

  /// Normal numbers, those of some blocks of 32 times `factor`.
  private static func activations(
    tokens: Int, columns: Int, factor: Float, large: (Int) -> Bool
  ) -> FloatBuffer {
    var random = Random(11)
    let x = FloatBuffer(count: tokens * columns)
    for index in 0..<x.count {
      x.pointer[index] = random.normal() * (large(index % columns / 32) ? factor : 1)
    }
    return x
  }

  /// The largest error of each block of the first token, over half of what one step of 16 bits is.
  private static func errors(
    _ x: FloatBuffer, columns: Int, _ precision: ActivationPrecision
  ) -> [Float] {
    let input = PreparedInput()
    engine.prepare(x.pointer, tokens: 1, columns: columns, into: input, precision: precision)
    let rounded = input.rounded(token: 0)
    return (0..<columns / 32).map { block in
      let places = block * 32..<(block + 1) * 32
      let most = places.map { abs(x.pointer[$0]) }.max()!
      let error = places.map { abs(x.pointer[$0] - rounded[$0]) }.max()!
      return error / (most / 32512 / 2)
    }
  }

  @Test(
    "Mixed keeps 16 bits where a block's scale is above the root mean square of all, 8 elsewhere")
  func mixed() {
    let x = Self.activations(tokens: 1, columns: 512, factor: 20) { $0 == 3 || $0 == 12 }
    for (block, error) in Self.errors(x, columns: 512, .mixed).enumerated() {
      #expect(
        block == 3 || block == 12 ? error <= 3 : error > 100 && error <= 260, "block \(block)")
    }
    #expect(Self.errors(x, columns: 512, .int16).allSatisfy { $0 <= 3 })
    #expect(Self.errors(x, columns: 512, .int8).allSatisfy { $0 > 100 && $0 <= 257 })
  }

  @Test("Blocks alike are kept in 8 bits, a single block and zeros too")
  func alike() {
    let x = FloatBuffer(count: 256)
    for index in 0..<256 { x.pointer[index] = Float(index % 32) }
    #expect(Self.errors(x, columns: 256, .mixed).allSatisfy { $0 > 100 })
    #expect(Self.errors(x, columns: 32, .mixed).allSatisfy { $0 > 100 })
    for index in 0..<256 { x.pointer[index] = 0 }
    let input = PreparedInput()
    Self.engine.prepare(x.pointer, tokens: 1, columns: 256, into: input, precision: .mixed)
    #expect(input.rounded(token: 0).allSatisfy { $0 == 0 })
  }

  @Test("Products of uneven activations are nearer to the exact ones, mixed, than in 8 bits")
  func nearer() {
    let (rows, columns, tokens) = (64, 1024, 9)
    let w = randomWeights(.q8_0, rows: rows, columns: columns, seed: 3)
    let x = Self.activations(tokens: tokens, columns: columns, factor: 30) { $0 % 11 == 4 }
    let exact = product(Engine(pool: WorkerPool(threads: 1), kernels: .exact), w, x, tokens: tokens)
    func error(_ precision: ActivationPrecision) -> Double {
      let found = product(Self.engine, w, x, tokens: tokens, precision: precision)
      return zip(exact, found).reduce(0.0) { sum, pair in
        let difference = Double(Float(bitPattern: pair.0)) - Double(Float(bitPattern: pair.1))
        return sum + difference * difference
      }.squareRoot()
    }
    let (least, mixed, most) = (error(.int16), error(.mixed), error(.int8))
    #expect(5 * mixed < most && least < mixed)
  }

  @Test("A value that is no number makes its products none, and no others")
  func notFinite() {
    let columns = 256
    let w = randomWeights(.q4_1, rows: 16, columns: columns, seed: 3)
    for value: Float in [.nan, .infinity] {
      let x = Self.activations(tokens: 2, columns: columns, factor: 30) { $0 == 1 }
      x.pointer[40] = value
      let found = product(Self.engine, w, x, tokens: 2, precision: .mixed)
        .map(Float.init(bitPattern:))
      #expect(found[..<16].allSatisfy { $0.isNaN } && found[16...].allSatisfy { $0.isFinite })
    }
  }
}
