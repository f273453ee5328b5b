// Safetensors: a JSON directory, then the tensors' bytes.
//
//   0  8  N, little-endian: the directory's length, at most 100,000,000
//   8  N  {"__metadata__": {text: text}, name: {"dtype": "F32", "shape": [rows, columns],
//         "data_offsets": [begin, end]}, …}, padded with spaces
//   8+N   data; offsets count from here
//
// A file is valid when each tensor's byte range is what shape and dtype call for and the ranges
// cover the data without gap or overlap, to the file's end.
// Format: github.com/huggingface/safetensors, README.md ("Format").

import Storage

/// The directory of one safetensors file over a memory mapping.
package struct SafetensorsFile: TensorSource {
  package let file: MappedFile
  package let tensors: [String: Tensor]
  /// In the order of their data.
  package let tensorNames: [String]
  /// The text pairs under `__metadata__`.
  package let metadata: [String: String]

  private static let headerLimit = 100_000_000

  /// Opens and checks the file at `path`. Reads the directory only; weights stay untouched.
  package init(path: String) throws(TensorsError) {
    let file: MappedFile
    do throws(StorageError) { file = try MappedFile(path: path) } catch {
      throw TensorsError(error)
    }
    try self.init(file)
  }

  package init(_ file: MappedFile) throws(TensorsError) {
    var cursor = ByteCursor(file)
    let length = try cursor.read(UInt64.self, "the header's length")
    guard length <= UInt64(min(Self.headerLimit, cursor.remaining)) else {
      throw cursor.failure(
        .badCount,
        "expected a header of at most \(min(Self.headerLimit, cursor.remaining)) bytes, "
          + "found \(length): is this a safetensors file, completely downloaded?", at: 0)
    }
    let range = try cursor.skip(Int(length), "header")
    guard !range.isEmpty, file.bytes[range.lowerBound] == UInt8(ascii: "{") else {
      throw cursor.failure(
        .badMagic, "expected a safetensors file, whose directory begins with {", at: 8)
    }
    let header = JSONCursor(file, in: range)
    let (entries, metadata) = try Self.readDirectory(header)
    let sorted = entries.sorted { ($0.begin, $0.end) < ($1.begin, $1.end) }
    try Self.checkCoverage(sorted, dataSize: cursor.remaining, cursor)
    var tensors = [String: Tensor](minimumCapacity: sorted.count)
    for entry in sorted {
      let start = range.upperBound + entry.begin
      guard entry.begin == entry.end || start % entry.type.alignment == 0 else {
        throw cursor.failure(
          .misaligned,
          "the data of tensor \(entry.name) begins at byte \(start), which is not a multiple of "
            + "\(entry.type.alignment); save it again with a current safetensors",
          at: entry.position)
      }
      tensors[entry.name] = Tensor(
        name: entry.name, shape: entry.shape, type: entry.type, file: file,
        range: start..<(range.upperBound + entry.end))
    }
    self.file = file
    self.tensors = tensors
    self.metadata = metadata
    tensorNames = sorted.map(\.name)
  }

  package func tensor(named name: String) -> Tensor? { tensors[name] }

  /// One tensor as the directory describes it.
  private struct Entry {
    let name: String
    let shape: [Int]
    let type: ElementType
    /// From the start of the data, in bytes.
    let begin: Int
    let end: Int
    let position: Int
  }

  private static func readDirectory(
    _ header: JSONCursor
  ) throws(TensorsError) -> ([Entry], [String: String]) {
    var cursor = header
    var entries: [Entry] = []
    var names: Set<String> = []
    var metadata: [String: String] = [:]
    try cursor.object { (cursor, name) throws(TensorsError) in
      guard names.insert(name).inserted else {
        throw cursor.failure(.duplicateTensor, "tensor \(name) is listed twice")
      }
      guard name != "__metadata__" else {
        return try cursor.object { (cursor, key) throws(TensorsError) in
          guard metadata.updateValue(try cursor.string(), forKey: key) == nil else {
            throw cursor.failure(.duplicateKey, "metadata key \(key) is listed twice")
          }
        }
      }
      entries.append(try readEntry(name, &cursor))
    }
    try cursor.finish()
    return (entries, metadata)
  }

  private static func readEntry(
    _ name: String, _ cursor: inout JSONCursor
  ) throws(TensorsError) -> Entry {
    let position = cursor.position
    var dtype: String?
    var shape: [Int]?
    var offsets: [Int]?
    try cursor.object { (cursor, key) throws(TensorsError) in
      switch key {
      case "dtype" where dtype == nil: dtype = try cursor.string()
      case "shape" where shape == nil: shape = try cursor.integers(limit: 8)
      case "data_offsets" where offsets == nil: offsets = try cursor.integers(limit: 2)
      case "dtype", "shape", "data_offsets":
        throw cursor.failure(.duplicateKey, "\(key) of tensor \(name) is given twice")
      default: try cursor.skipValue()
      }
    }
    func failure(_ code: TensorsError.Code, _ message: String) -> TensorsError {
      cursor.failure(code, message)
    }
    guard let dtype, let shape, let offsets else {
      throw failure(.badJSON, "tensor \(name) needs dtype, shape and data_offsets")
    }
    guard let type = elementTypes[dtype] else {
      throw failure(
        .unsupportedType,
        "tensor \(name) has element type \(dtype), which is not supported; "
          + "use a file in F32, F16 or BF16")
    }
    guard shape.count <= 4 else {
      throw failure(
        .badRank, "expected at most 4 dimensions for tensor \(name), found \(shape.count)")
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw failure(
        .outOfBounds, "expected data_offsets [begin, end] for tensor \(name), found \(offsets)")
    }
    guard let byteCount = Tensor.byteCount(shape: shape, type: type),
      byteCount == offsets[1] - offsets[0]
    else {
      throw failure(
        .badDimension,
        "tensor \(name) of shape \(shape) in \(dtype) does not take \(offsets[1] - offsets[0]) bytes"
      )
    }
    return Entry(
      name: name, shape: shape, type: type, begin: offsets[0], end: offsets[1], position: position)
  }

  private static let elementTypes: [String: ElementType] = [
    "F32": .f32, "F16": .f16, "BF16": .bf16, "I32": .i32, "I64": .i64, "U8": .u8,
  ]

  private static func checkCoverage(
    _ sorted: [Entry], dataSize: Int, _ cursor: ByteCursor
  ) throws(TensorsError) {
    var expected = 0
    for entry in sorted {
      guard entry.end <= dataSize else {
        throw cursor.failure(
          .outOfBounds,
          "tensor \(entry.name) ends at \(entry.end) of the data, which is only \(dataSize) bytes: "
            + "is the file completely downloaded?", at: entry.position)
      }
      guard entry.begin == expected else {
        throw cursor.failure(
          .badLayout,
          "expected the data of tensor \(entry.name) to begin at \(expected), found \(entry.begin)",
          at: entry.position)
      }
      expected = entry.end
    }
    guard expected == dataSize else {
      throw cursor.failure(
        .badLayout, "\(dataSize - expected) bytes at the end belong to no tensor",
        at: cursor.offset + expected)
    }
  }
}
