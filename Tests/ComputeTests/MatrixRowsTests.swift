import Compute
import Foundation
import Storage
import Tensors
import TestSupport
import Testing

/// Single rows, in memory or read from a file, give what the whole matrix gives.
@Suite("Rows of a matrix")
struct MatrixRowsTests {
  @Test("Products of some rows have the bits of the products of all", arguments: weightTypes)
  func someRows(type: ElementType) throws {
    for threads in [1, 3] {
      let engine = Engine(pool: WorkerPool(threads: threads))
      let full = randomWeights(type, rows: 100, columns: 512, seed: 4)
      let x = randomActivations(tokens: 3, columns: 512, seed: 5)
      let input = PreparedInput()
      engine.prepare(x.pointer, tokens: 3, columns: 512, into: input)
      let all = FloatBuffer(count: 300)
      engine.multiply(full, input, into: all.pointer)
      let ids: [Int32] = [0, 3, 4, 31, 32, 33, 98, 99] + (40..<75)
      let some = FloatBuffer(count: ids.count)
      for token in 0..<3 {
        engine.multiply(
          ids, of: MatrixRows(full, isRead: false), input, token: token, into: some.pointer)
        for (place, id) in ids.enumerated() {
          #expect(
            some.pointer[place].bitPattern == all.pointer[token * 100 + Int(id)].bitPattern)
        }
      }
    }
  }

  @Test(
    "Rows read from a file give the bits of rows in memory, all and some",
    arguments: [ElementType.q8_0, .f16, .q4_0, .q6_K], [1, 9, 40])
  func readRows(type: ElementType, tokens: Int) throws {
    let folder = TemporaryFolder()
    let made = randomWeights(type, rows: 333, columns: 512, seed: 6)
    var bytes = [UInt8](repeating: 7, count: 100)
    bytes += UnsafeRawBufferPointer(start: made.pointer, count: made.byteCount)
    let path = folder.file("weights")
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let file = try MappedFile(path: path)
    let full = WeightMatrix(
      pointer: file.bytes.baseAddress! + 100, rows: 333, columns: 512, type: type, owner: file)
    let rows = MatrixRows(full, isRead: true)
    #expect(rows.unmapped?.range == 100..<100 + made.byteCount)
    for threads in [1, 3] {
      let engine = Engine(pool: WorkerPool(threads: threads))
      let x = randomActivations(tokens: tokens, columns: 512, seed: 5)
      let input = PreparedInput()
      engine.prepare(x.pointer, tokens: tokens, columns: 512, into: input)
      let expected = FloatBuffer(count: tokens * 333)
      engine.multiply(full, input, into: expected.pointer)
      let all = FloatBuffer(count: tokens * 333)
      engine.multiply(rows, input, into: all.pointer)
      #expect(all.buffer.map(\.bitPattern) == expected.buffer.map(\.bitPattern))
      let ids: [Int32] = [0, 5, 331, 332]
      let some = FloatBuffer(count: ids.count)
      engine.multiply(ids, of: rows, input, token: tokens - 1, into: some.pointer)
      for (place, id) in ids.enumerated() {
        #expect(some.pointer[place] == expected.pointer[(tokens - 1) * 333 + Int(id)])
      }
      let (one, other) = (FloatBuffer(count: 512), FloatBuffer(count: 512))
      engine.dequantizeRow(rows, row: 200, into: one.pointer)
      engine.dequantizeRow(full, row: 200, into: other.pointer)
      #expect(Array(one.buffer) == Array(other.buffer))
    }
  }
}
