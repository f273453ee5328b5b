import Storage
import Tensors
import TestSupport
import Testing

enum SafetensorsBuilder {
  static func file(_ header: String, data: [UInt8], length: UInt64? = nil) -> [UInt8] {
    var header = Array(header.utf8)
    while header.count % 8 != 0 { header.append(0x20) }
    return littleEndian(length ?? UInt64(header.count)) + header + data
  }

  static let sample = file(
    #"{"__metadata__":{"format":"pt","note":"a \"b\" \u00e9\ud83d\ude00"},"#
      + #" "b": {"dtype":"F16","shape":[3],"data_offsets":[24,30]},"#
      + #" "a": {"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"#
      + #" "none": {"dtype":"F32","shape":[0,3],"data_offsets":[30,30]},"#
      + #" "scalar": {"dtype":"U8","shape":[],"data_offsets":[30,31]}}"#,
    data: Array(0..<31))
}

@Suite("Safetensors files and folders")
struct SafetensorsTests {
  private let folder = TemporaryFolder()

  private func open(_ bytes: [UInt8]) throws -> SafetensorsFile {
    let path = folder.file("model.safetensors")
    try AtomicFile.write(bytes, to: path)
    return try SafetensorsFile(path: path)
  }

  @Test("Reads names, shapes, bytes and metadata")
  func sample() throws {
    let file = try open(SafetensorsBuilder.sample)
    #expect(file.metadata == ["format": "pt", "note": "a \"b\" é😀"])
    #expect(Set(file.tensorNames) == ["a", "b", "none", "scalar"])
    #expect(file.tensorNames.prefix(2) == ["a", "b"])
    let a = try #require(file.tensor(named: "a"))
    #expect(a.shape == [2, 3])
    #expect((a.type, a.rows, a.columns) == (.f32, 2, 3))
    #expect(Array(a.bytes) == Array(0..<24))
    #expect(Array(try #require(file.tensor(named: "b")).bytes) == Array(24..<30))
    let scalar = try #require(file.tensor(named: "scalar"))
    #expect((scalar.shape, scalar.elementCount) == ([], 1))
    #expect(Array(scalar.bytes) == [30])
    #expect(try #require(file.tensor(named: "none")).bytes.isEmpty)
    withExtendedLifetime(file) {}
  }

  static let malformed: [Malformed] = [
    Malformed("an empty file", .truncated, []),
    Malformed("seven bytes", .truncated, [1, 0, 0, 0, 0, 0, 0]),
    Malformed("a header of 2^64 - 1 bytes", .badCount, tensor("", length: .max)),
    Malformed("a header of 100,000,001 bytes", .badCount, tensor("", length: 100_000_001)),
    Malformed("a header longer than the file", .badCount, tensor("", length: 500)),
    Malformed("an empty header", .badMagic, littleEndian(UInt64(0))),
    Malformed("a header that is an array", .badMagic, raw("[]")),
    Malformed("a header that ends early", .badJSON, raw(#"{"a":"#)),
    Malformed("text after the header", .badJSON, raw("{} {}")),
    Malformed("a comma too many", .badJSON, raw(#"{"__metadata__":{"a":"b",}}"#)),
    Malformed("a control character in a name", .badJSON, raw("{\"a\n\":{}}")),
    Malformed("an unknown escape", .badJSON, raw(#"{"\x":{}}"#)),
    Malformed("half a surrogate pair", .badJSON, raw(#"{"\ud83d":{}}"#)),
    Malformed("a low surrogate first", .badJSON, raw(#"{"\ude00":{}}"#)),
    Malformed("escape digits that are not", .badJSON, raw(#"{"\u00g0":{}}"#)),
    Malformed(
      "a value nested a thousand deep", .badJSON,
      raw(#"{"a":{"x":"# + String(repeating: "[", count: 1000))),
    Malformed("metadata that is no text", .badJSON, raw(#"{"__metadata__":{"a":1}}"#)),
    Malformed("metadata given twice", .duplicateKey, raw(#"{"__metadata__":{"a":"1","a":"2"}}"#)),
    Malformed("no dtype", .badJSON, tensor(#""shape":[1],"data_offsets":[0,4]"#)),
    Malformed("no shape", .badJSON, tensor(#""dtype":"F32","data_offsets":[0,4]"#)),
    Malformed("no offsets", .badJSON, tensor(#""dtype":"F32","shape":[1]"#)),
    Malformed(
      "a shape given twice", .duplicateKey,
      tensor(#""dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]"#)),
    Malformed(
      "an unsupported type", .unsupportedType,
      tensor(#""dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]"#)),
    Malformed(
      "a negative dimension", .badJSON,
      tensor(#""dtype":"F32","shape":[-1],"data_offsets":[0,4]"#)),
    Malformed(
      "a dimension with a fraction", .badJSON,
      tensor(#""dtype":"F32","shape":[1.5],"data_offsets":[0,4]"#)),
    Malformed(
      "a dimension with a leading zero", .badJSON,
      tensor(#""dtype":"F32","shape":[01],"data_offsets":[0,4]"#)),
    Malformed(
      "a dimension above 2^63", .badJSON,
      tensor(#""dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]"#)),
    Malformed(
      "a product that overflows", .badDimension,
      tensor(#""dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]"#)),
    Malformed(
      "bytes that overflow", .badDimension,
      tensor(#""dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]"#)),
    Malformed(
      "rank 5", .badRank, tensor(#""dtype":"U8","shape":[1,1,1,1,4],"data_offsets":[0,4]"#)),
    Malformed(
      "a size that is not the shape's", .badDimension,
      tensor(#""dtype":"F32","shape":[2],"data_offsets":[0,4]"#)),
    Malformed(
      "offsets that run backwards", .outOfBounds,
      tensor(#""dtype":"F32","shape":[1],"data_offsets":[4,0]"#)),
    Malformed(
      "one offset", .outOfBounds, tensor(#""dtype":"F32","shape":[1],"data_offsets":[0]"#)),
    Malformed(
      "three offsets", .badJSON,
      tensor(#""dtype":"F32","shape":[1],"data_offsets":[0,4,8]"#)),
    Malformed(
      "data beyond the file", .outOfBounds,
      tensor(#""dtype":"F32","shape":[2],"data_offsets":[0,8]"#)),
    Malformed(
      "an offset of 2^63 - 1", .outOfBounds,
      tensor(
        #""dtype":"U8","shape":[3],"data_offsets":[9223372036854775804,9223372036854775807]"#)),
    Malformed(
      "a gap before the data", .badLayout,
      tensor(#""dtype":"U8","shape":[3],"data_offsets":[1,4]"#)),
    Malformed(
      "bytes that belong to no tensor", .badLayout,
      tensor(#""dtype":"U8","shape":[3],"data_offsets":[0,3]"#)),
    Malformed(
      "overlapping tensors", .badLayout,
      raw(
        #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"#
          + #""b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#)),
    Malformed(
      "a tensor given twice", .duplicateTensor,
      raw(
        #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"#
          + #""a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#)),
    Malformed(
      "floats at an odd byte", .misaligned,
      raw(
        #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"#
          + #""b":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}} "#, pad: false)),
  ]

  /// A header around one tensor's fields, and four bytes of data.
  private static func tensor(_ fields: String, length: UInt64? = nil) -> [UInt8] {
    SafetensorsBuilder.file(#"{"a":{"# + fields + "}}", data: [1, 2, 3, 4], length: length)
  }

  private static func raw(_ header: String, pad: Bool = true) -> [UInt8] {
    if pad { return SafetensorsBuilder.file(header, data: [1, 2, 3, 4]) }
    var header = Array(header.utf8)
    if header.count % 2 == 0 { header.append(0x20) }
    return littleEndian(UInt64(header.count)) + header + [1, 2, 3, 4]
  }

  @Test("A malformed file is refused with the right code and its path", arguments: malformed)
  func refused(variant: Malformed) throws {
    let path = folder.file("bad.safetensors")
    try AtomicFile.write(variant.bytes, to: path)
    let error = #expect(throws: TensorsError.self) { try SafetensorsFile(path: path) }
    #expect(error?.code == variant.code, "\(error.map { "\($0)" } ?? "")")
    #expect(error?.path == path)
  }

  // MARK: folders

  private func shard(_ name: String, _ tensor: String, _ byte: UInt8) throws {
    let header = #"{""# + tensor + #"":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#
    try AtomicFile.write(
      SafetensorsBuilder.file(header, data: [byte, byte]), to: folder.file(name))
  }

  private func index(_ map: String) throws {
    try AtomicFile.write(
      Array((#"{"metadata":{"total_size":4},"weight_map":"# + map + "}").utf8),
      to: folder.file("model.safetensors.index.json"))
  }

  @Test("Finds the tensors of a sharded folder in whichever file they lie")
  func sharded() throws {
    try shard("one.safetensors", "x", 1)
    try shard("two.safetensors", "y", 2)
    try index(#"{"y":"two.safetensors","x":"one.safetensors"}"#)
    let weights = try SafetensorsFolder(path: folder.path)
    #expect(weights.tensorNames == ["x", "y"])
    #expect(weights.tensor(named: "x").map { Array($0.bytes) } == [1, 1])
    #expect(weights.tensor(named: "y").map { Array($0.bytes) } == [2, 2])
    #expect(weights.tensor(named: "z") == nil)
    #expect(
      try SafetensorsFolder.shardNames(ofIndex: folder.file("model.safetensors.index.json"))
        == ["one.safetensors", "two.safetensors"])
  }

  @Test("Opens a folder with a single file")
  func single() throws {
    try shard("model.safetensors", "x", 1)
    let weights = try SafetensorsFolder(path: folder.path)
    #expect(weights.tensorNames == ["x"])
    #expect(weights.tensor(named: "x").map { Array($0.bytes) } == [1, 1])
  }

  @Test("Refuses an index that names missing files, missing tensors or other folders")
  func badIndexes() throws {
    try shard("one.safetensors", "x", 1)
    let variants: [(String, TensorsError.Code)] = [
      (#"{"x":"one.safetensors","y":"two.safetensors"}"#, .badShard),
      (#"{"y":"one.safetensors"}"#, .badShard),
      (#"{}"#, .badShard),
      (#"{"x":"../one.safetensors"}"#, .badName),
      (#"{"x":"/etc/passwd"}"#, .badName),
      (#"{"x":"one.safetensors","x":"one.safetensors"}"#, .duplicateTensor),
      (#"["x"]"#, .badJSON),
      (#"{"x":"#, .badJSON),
    ]
    for (map, code) in variants {
      try index(map)
      let error = #expect(throws: TensorsError.self) { try SafetensorsFolder(path: folder.path) }
      #expect(error?.code == code, "\(map): \(error.map { "\($0)" } ?? "")")
    }
  }

  @Test("Says which file is missing when a folder has no weights")
  func emptyFolder() {
    let error = #expect(throws: TensorsError.self) { try SafetensorsFolder(path: folder.path) }
    #expect(error?.code == .storage(.notFound))
    #expect(error?.path == folder.file("model.safetensors"))
  }
}
