import Storage
import Tensors
import TestSupport
import Testing

/// One way for a file to be wrong, and the code it must be refused with.
struct Malformed: Sendable, CustomTestStringConvertible {
  let what: String
  let code: TensorsError.Code
  let bytes: [UInt8]

  var testDescription: String { what }

  init(_ what: String, _ code: TensorsError.Code, _ bytes: [UInt8]) {
    self.what = what
    self.code = code
    self.bytes = bytes
  }

  /// The sample file with one change.
  init(_ what: String, _ code: TensorsError.Code, _ change: (inout GGUFBuilder) -> Void) {
    var builder = GGUFBuilder.sample
    change(&builder)
    self.init(what, code, builder.bytes)
  }
}

@Suite("Malformed GGUF files")
struct MalformedGGUFTests {
  private let folder = TemporaryFolder()

  static let table: [Malformed] = header + metadata + tensors

  private static let header: [Malformed] = [
    Malformed("an empty file", .truncated, []),
    Malformed("three bytes", .truncated, Array("GGU".utf8)),
    Malformed("another magic", .badMagic) { $0.magic = Array("GGML".utf8) },
    Malformed("a web page saved as a model", .badMagic, Array("<!DOCTYPE html>...".utf8)),
    Malformed("version 0", .unsupportedVersion) { $0.version = 0 },
    Malformed("version 1", .unsupportedVersion) { $0.version = 1 },
    Malformed("version 4", .unsupportedVersion) { $0.version = 4 },
    Malformed("big-endian", .unsupportedVersion) { $0.version = 3 << 24 },
    Malformed("2^64 - 1 tensors", .badCount) { $0.tensorCount = .max },
    Malformed("2^32 tensors", .badCount) { $0.tensorCount = 1 << 32 },
    Malformed("2^63 pairs", .badCount) { $0.pairCount = 1 << 63 },
    Malformed("one pair too many", .truncated) { $0.pairCount = UInt64($0.pairs.count + 1) },
    Malformed("one tensor too many", .truncated) {
      $0.tensorCount = UInt64($0.entries.count + 1)
    },
  ]

  private static let metadata: [Malformed] = [
    Malformed("an empty key", .badName) { $0.pairs[0].key = [] },
    Malformed("a key that is not UTF-8", .badName) { $0.pairs[0].key = [0xc3, 0x28] },
    Malformed("a key with NUL", .badName) { $0.pairs[0].key = [0x61, 0] },
    Malformed("a key of 65,536 bytes", .badName) {
      $0.pairs[0].key = [UInt8](repeating: 0x61, count: 65_536)
    },
    Malformed("a key given twice", .duplicateKey) { $0.add("u8", 1) },
    Malformed("value kind 13", .badValue) { $0.add("k", kind: 13, []) },
    Malformed("value kind 2^32 - 1", .badValue) { $0.add("k", kind: .max, []) },
    Malformed("a truth value of 2", .badValue) { $0.add("k", kind: 7, [2]) },
    Malformed("a string longer than the file", .truncated) {
      $0.add("k", kind: 8, GGUFBuilder.string([], length: 100_000))
    },
    Malformed("a string of 2^64 - 1 bytes", .truncated) {
      $0.add("k", kind: 8, GGUFBuilder.string([], length: .max))
    },
    Malformed("a string of 2^63 bytes", .truncated) {
      $0.add("k", kind: 8, GGUFBuilder.string([], length: 1 << 63))
    },
    Malformed("an array of arrays", .badValue) {
      $0.add("k", elementKind: 9, count: 1, [])
    },
    Malformed("array elements of kind 99", .badValue) {
      $0.add("k", elementKind: 99, count: 1, [])
    },
    Malformed("an array of 2^61 numbers of 8 bytes", .badCount) {
      $0.add("k", elementKind: 10, count: 1 << 61, [])
    },
    Malformed("an array of 2^64 - 1 bytes", .badCount) {
      $0.add("k", elementKind: 0, count: .max, [])
    },
    Malformed("an array of 10^9 strings", .badCount) {
      $0.add("k", elementKind: 8, count: 1_000_000_000, [])
    },
    Malformed("a string in an array longer than the file", .truncated) {
      $0.add("k", elementKind: 8, count: 1, GGUFBuilder.string([], length: 1 << 40))
    },
    Malformed("a string in an array of 2^64 - 1 bytes", .truncated) {
      $0.add("k", elementKind: 8, count: 1, GGUFBuilder.string([], length: .max))
    },
    Malformed("a truth value of 3 in an array", .badValue) {
      $0.add("k", elementKind: 7, count: 2, [1, 3])
    },
    Malformed("an array element above 2^63 - 1", .badValue) {
      $0.add("k", elementKind: 10, count: 1, littleEndian(UInt64.max))
    },
    Malformed("an alignment of 0", .badAlignment) { $0.add("general.alignment", 0) },
    Malformed("an alignment of 1", .badAlignment) { $0.add("general.alignment", 1) },
    Malformed("an alignment of 48", .badAlignment) { $0.add("general.alignment", 48) },
    Malformed("an alignment of 2^31", .badAlignment) { $0.add("general.alignment", 1 << 31) },
    Malformed("an alignment in words", .badAlignment) { $0.add("general.alignment", "32") },
    Malformed("an alignment beyond the file", .outOfBounds) {
      $0.add("general.alignment", 1 << 30)
      $0.entries = [$0.entries[0]]
    },
  ]

  private static let tensors: [Malformed] = [
    Malformed("rank 0", .badRank) { $0.entries[0].dimensions = [] },
    Malformed("rank 5", .badRank) { $0.entries[0].dimensions = [1, 1, 1, 1, 1] },
    Malformed("rank 2^32 - 1", .badRank) { $0.entries[0].rank = .max },
    Malformed("a dimension of 0", .badDimension) { $0.entries[0].dimensions = [2, 0] },
    Malformed("a dimension of 2^63", .badDimension) { $0.entries[0].dimensions = [1 << 63, 1] },
    Malformed("dimensions whose product overflows", .badDimension) {
      $0.entries[0].dimensions = [1 << 40, 1 << 40]
    },
    Malformed("bytes that overflow", .badDimension) { $0.entries[0].dimensions = [1 << 62] },
    Malformed("a row that is not whole blocks", .badDimension) {
      $0.entries[1].dimensions = [33, 2]
    },
    Malformed("an unsupported element type", .unsupportedType) { $0.entries[0].type = 10 },
    Malformed("an unknown element type", .unsupportedType) { $0.entries[0].type = 5000 },
    Malformed("a type that only safetensors has", .unsupportedType) {
      $0.entries[0].type = 1000
    },
    Malformed("an empty tensor name", .badName) { $0.entries[0].name = [] },
    Malformed("a tensor name that is not UTF-8", .badName) { $0.entries[0].name = [0xff] },
    Malformed("a tensor named twice", .duplicateTensor) {
      $0.entries[2].name = $0.entries[0].name
    },
    Malformed("an offset between multiples of the alignment", .misaligned) {
      $0.entries[2].offset = 136
    },
    Malformed("an offset beyond the file", .outOfBounds) { $0.entries[2].offset = 4096 },
    Malformed("an offset of 2^64 - 32", .outOfBounds) { $0.entries[2].offset = .max - 31 },
    Malformed("an offset of 2^63 - 32", .outOfBounds) { $0.entries[2].offset = 1 << 63 - 32 },
    Malformed("data that ends beyond the file", .outOfBounds) {
      $0.entries[2].dimensions = [17]
    },
    Malformed("overlapping data", .badLayout) { $0.entries[2].offset = 64 },
    Malformed("two tensors at one place", .badLayout) { $0.entries[2].offset = 0 },
    Malformed("a file without its data", .outOfBounds) { $0.data = [] },
  ]

  @Test("Is refused with the right code, its path and one sentence", arguments: table)
  func refused(variant: Malformed) throws {
    let path = folder.file("bad.gguf")
    try AtomicFile.write(variant.bytes, to: path)
    let error = #expect(throws: TensorsError.self) { try GGUFFile(path: path) }
    #expect(error?.code == variant.code, "\(error.map { "\($0)" } ?? "")")
    #expect(error?.path == path)
    #expect(error?.description.hasPrefix(path) == true)
    if let offset = error?.offset { #expect((0...variant.bytes.count).contains(offset)) }
  }

  @Test("Names the tensor and the type when the type is not supported")
  func unsupportedType() throws {
    var builder = GGUFBuilder.sample
    builder.entries[1].type = 10
    let path = folder.file("bad.gguf")
    try AtomicFile.write(builder.bytes, to: path)
    let error = #expect(throws: TensorsError.self) { try GGUFFile(path: path) }
    #expect(error?.message.contains("experts") == true)
    #expect(error?.message.contains("Q2_K") == true)
  }

  @Test("Reports a missing file and a folder as what they are")
  func noFile() {
    let missing = #expect(throws: TensorsError.self) { try GGUFFile(path: folder.file("no")) }
    #expect(missing?.code == .storage(.notFound))
    let directory = #expect(throws: TensorsError.self) { try GGUFFile(path: folder.path) }
    #expect(directory?.code == .storage(.notAFile))
  }
}
