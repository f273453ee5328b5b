import Foundation
import Tensors
import Testing

import Compute

@Suite("Dequantising rows")
struct DequantizeTests {
  static let fixtureTypes = weightTypes.filter { $0 != .f32 }

  @Test("Gives the values the gguf package gives, bit for bit", arguments: fixtureTypes)
  func golden(type: ElementType) throws {
    let folder = try #require(Bundle.module.resourceURL).appending(path: "Fixtures")
    let blocks = [UInt8](try Data(contentsOf: folder.appending(path: "\(type).blocks")))
    let bytes = [UInt8](try Data(contentsOf: folder.appending(path: "\(type).floats")))
    let count = blocks.count / type.blockBytes * type.blockElements
    try #require(count * 4 == bytes.count && count > 0)
    let expected = (0..<count).map { i in
      (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[4 * i + $1]) << UInt32(8 * $1) }
    }
    let owner = Bytes(blocks)
    let w = WeightMatrix(
      pointer: owner.pointer, rows: 1, columns: count, type: type, owner: owner)
    for table in KernelTable.available {
      let engine = Engine(pool: WorkerPool(threads: 1), kernels: .exact, table: table)
      let out = FloatBuffer(count: count)
      engine.dequantizeRow(w, row: 0, into: out.pointer)
      let different = (0..<count).first { out.pointer[$0].bitPattern != expected[$0] }
      #expect(different == nil, "\(table): weight \(different ?? 0)")
    }
  }

  @Test("Finds a row of a matrix and of a stack of experts", arguments: weightTypes)
  func rowsAndExperts(type: ElementType) {
    let columns = 256
    let w = randomWeights(type, rows: 3, columns: columns, experts: 2, seed: 7)
    let engine = Engine(pool: WorkerPool(threads: 1), kernels: .fast)
    let whole = FloatBuffer(count: columns)
    let part = FloatBuffer(count: columns)
    engine.dequantizeRow(w, row: 5, into: whole.pointer)
    engine.dequantizeRow(w.expert(1).rows(2..<3), row: 0, into: part.pointer)
    #expect(whole.buffer.elementsEqual(part.buffer))
    #expect(whole.buffer.contains { $0 != 0 })
  }
}
