import Compute
import Tensors
import Testing

@Suite("Quantised copies of weights")
struct QuantizedCopyTests {
  let pool = WorkerPool(threads: 2)

  @Test("Keep every weight within half a step", arguments: [ElementType.f32, .f16, .bf16])
  func halfAStep(type: ElementType) throws {
    let (rows, columns) = (70, 96)
    let w = randomWeights(type, rows: rows, columns: columns, experts: 2, seed: 51)
    let q = try #require(w.quantized(on: pool))
    #expect(q.type == .q8_0 && q.rows == rows && q.columns == columns && q.experts == 2)
    let engine = Engine(pool: pool, kernels: .exact)
    let before = FloatBuffer(count: columns)
    let after = FloatBuffer(count: columns)
    for row in 0..<2 * rows {
      engine.dequantizeRow(w, row: row, into: before.pointer)
      engine.dequantizeRow(q, row: row, into: after.pointer)
      for start in stride(from: 0, to: columns, by: 32) {
        let block = start..<start + 32
        let largest = block.reduce(Float(0)) { max($0, abs(before.pointer[$1])) }
        let step = largest / 127 * (1 + 1 / 1024)
        // Half a step, or what the half-precision scale takes off the largest ones.
        let bound = max(0.5001 * step, largest / 1024)
        for k in block { #expect(abs(after.pointer[k] - before.pointer[k]) <= bound) }
      }
    }
  }

  @Test("Are made of float weights with whole blocks only")
  func refused() {
    #expect(randomWeights(.q4_0, rows: 2, columns: 64, seed: 1).quantized(on: pool) == nil)
    #expect(randomWeights(.f32, rows: 2, columns: 48, seed: 1).quantized(on: pool) == nil)
  }

  @Test("Of zeros are zeros")
  func zeros() throws {
    let owner = Bytes([UInt8](repeating: 0, count: 128))
    let w = WeightMatrix(pointer: owner.pointer, rows: 1, columns: 32, type: .f32, owner: owner)
    let q = try #require(w.quantized(on: pool))
    let out = FloatBuffer(count: 32)
    Engine(pool: pool).dequantizeRow(q, row: 0, into: out.pointer)
    #expect(out.buffer.allSatisfy { $0 == 0 })
  }
}
