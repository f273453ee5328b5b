import Storage
import Tensors
import TestSupport
import Testing

@Suite("GGUF directories")
struct GGUFTests {
  private let folder = TemporaryFolder()

  private func open(_ builder: GGUFBuilder) throws -> GGUFFile {
    let path = folder.file("model.gguf")
    try AtomicFile.write(builder.bytes, to: path)
    return try GGUFFile(path: path)
  }

  @Test("Reads a value of every kind")
  func values() throws {
    let file = try open(.sample)
    #expect(file.version == 3)
    #expect(file.metadata["general.architecture"]?.string == "llama")
    #expect(file.metadata["u8"]?.int == 200)
    #expect(file.metadata["i8"]?.int == -5)
    #expect(file.metadata["u16"]?.int == 60_000)
    #expect(file.metadata["i16"]?.int == -300)
    #expect(file.metadata["u32"]?.int == 4_000_000_000)
    #expect(file.metadata["i32"]?.int == -70_000)
    #expect(file.metadata["f32"]?.double == 1.5)
    #expect(file.metadata["f32"]?.int == nil)
    #expect(file.metadata["bool"]?.bool == true)
    #expect(file.metadata["u64"]?.int == nil, "2^64 - 1 does not fit")
    #expect(file.metadata["u64"]?.double == 0x1p64)
    #expect(file.metadata["i64"]?.int == Int.min)
    #expect(file.metadata["f64"]?.double == -0.25)
    #expect(file.metadata["ints"]?.integers == [-1, 7])
    #expect(file.metadata["floats"]?.floats == [2])
    #expect(file.metadata["bools"]?.bools == [false, true])
    #expect(file.metadata["empty"]?.strings?.count == 0)
    let strings = try #require(file.metadata["strings"]?.strings)
    #expect(strings.map { Array($0) } == [[0x61], [], [0xff, 0xfe]])
    #expect(strings.text(0) == "a")
    #expect(file.metadata.count == 17)
  }

  @Test("Reads integer and number arrays of every width")
  func arrays() throws {
    var builder = GGUFBuilder.sample
    builder.add("a0", elementKind: 0, count: 2, [1, 255])
    builder.add("a1", elementKind: 1, count: 1, [255])
    builder.add("a2", elementKind: 2, count: 1, littleEndian(UInt16.max))
    builder.add("a3", elementKind: 3, count: 1, littleEndian(Int16.min))
    builder.add("a4", elementKind: 4, count: 1, littleEndian(UInt32.max))
    builder.add("a10", elementKind: 10, count: 1, littleEndian(UInt64(1) << 62))
    builder.add("a11", elementKind: 11, count: 1, littleEndian(Int64(-1)))
    builder.add("a12", elementKind: 12, count: 1, littleEndian(Double(0.5).bitPattern))
    let metadata = try open(builder).metadata
    #expect(metadata["a0"]?.integers == [1, 255])
    #expect(metadata["a1"]?.integers == [-1])
    #expect(metadata["a2"]?.integers == [65_535])
    #expect(metadata["a3"]?.integers == [-32_768])
    #expect(metadata["a4"]?.integers == [4_294_967_295])
    #expect(metadata["a10"]?.integers == [1 << 62])
    #expect(metadata["a11"]?.integers == [-1])
    #expect(metadata["a12"]?.floats == [0.5])
    #expect(metadata["a0"]?.array?.count == 2)
    #expect(metadata["a0"]?.floats == nil && metadata["a0"]?.bools == nil)
    #expect(metadata["a0"]?.strings == nil && metadata["strings"]?.integers == nil)
  }

  @Test("Gives tensors outermost dimension first, with the bytes the file holds for them")
  func tensors() throws {
    let file = try open(.sample)
    #expect(file.tensorNames == ["matrix", "experts", "vector"])
    let matrix = try #require(file.tensor(named: "matrix"))
    #expect(matrix.shape == [3, 2])
    #expect(matrix.type == .f32)
    #expect((matrix.rows, matrix.columns, matrix.rowBytes, matrix.elementCount) == (3, 2, 8, 6))
    #expect(Array(matrix.bytes) == Array(0..<24))
    let experts = try #require(file.tensor(named: "experts"))
    #expect(experts.shape == [2, 2, 32])
    #expect((experts.rows, experts.columns, experts.rowBytes) == (4, 32, 17))
    #expect(Array(experts.bytes) == Array(32..<100))
    let vector = try #require(file.tensor(named: "vector"))
    #expect((vector.rows, vector.columns, vector.rowBytes) == (1, 16, 32))
    #expect(Array(vector.bytes) == Array(128..<160))
    #expect(file.tensor(named: "other") == nil)
    withExtendedLifetime(file) {}
  }

  @Test("Reads version 2, another alignment, and a file without tensors")
  func variants() throws {
    var builder = GGUFBuilder.sample
    builder.version = 2
    #expect(try open(builder).version == 2)

    builder.alignment = 64
    builder.add("general.alignment", 64)
    builder.entries.removeLast(2)
    let file = try open(builder)
    #expect(try #require(file.tensor(named: "matrix")).range.lowerBound % 64 == 0)

    builder.entries = []
    builder.data = []
    #expect(try open(builder).tensorNames.isEmpty)
  }

  @Test("Knows the block sizes of every element type")
  func elementTypes() {
    let expected: [ElementType: (Int, Int)] = [
      .f32: (1, 4), .f16: (1, 2), .bf16: (1, 2), .i32: (1, 4), .i64: (1, 8), .u8: (1, 1),
      .q4_0: (32, 18), .q4_1: (32, 20), .q5_0: (32, 22), .q5_1: (32, 24), .q8_0: (32, 34),
      .q4_K: (256, 144), .q5_K: (256, 176), .q6_K: (256, 210), .mxfp4: (32, 17),
      .q3_K: (256, 110), .iq4_nl: (32, 18), .iq4_xs: (256, 136),
    ]
    for type in ElementType.allCases {
      #expect(expected[type]?.0 == type.blockElements, "\(type)")
      #expect(expected[type]?.1 == type.blockBytes, "\(type)")
      #expect(type.blockBytes % type.alignment == 0, "\(type)")
    }
    #expect(ElementType.q4_K.name == "Q4_K")
    #expect(ElementType.bf16.name == "BF16")
  }
}
