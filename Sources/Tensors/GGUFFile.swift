// GGUF, versions 2 and 3, little-endian: a self-describing weight file. All numbers are unsigned
// and little-endian; a string is a 64-bit length and that many bytes.
//
//   0   4  "GGUF"
//   4   4  version
//   8   8  number of tensors
//   16  8  number of metadata pairs
//   24     pairs: key string; 32-bit value kind; value
//          value kinds: 0 u8, 1 i8, 2 u16, 3 i16, 4 u32, 5 i32, 6 f32, 7 bool (one byte, 0 or 1),
//          8 string, 9 array (32-bit kind of its elements; 64-bit count; elements), 10 u64, 11 i64,
//          12 f64
//          tensors: name string; 32-bit rank; rank × 64-bit dimension, innermost first; 32-bit
//          element type; 64-bit offset into the data section
//          padding to `general.alignment` (32 when absent): the data section begins here
//          data of each tensor, at a multiple of the alignment
//
// A file is valid when every count could be true for its size, keys and tensor names are unique,
// each tensor's innermost dimension is a whole number of blocks, its data lies inside the file, and
// no two overlap. All of that is checked here, once; whoever reads a tensor afterwards may trust it.
// Format: github.com/ggml-org/ggml, docs/gguf.md.

import Storage

/// The directory of one GGUF file: metadata and tensors over a memory mapping.
package struct GGUFFile: TensorSource {
  package let file: MappedFile
  package let version: UInt32
  package let metadata: [String: GGUFValue]
  package let tensors: [String: Tensor]
  /// In file order.
  package let tensorNames: [String]

  /// Puts checked pieces together.
  init(
    file: MappedFile, version: UInt32, metadata: [String: GGUFValue], tensors: [String: Tensor],
    tensorNames: [String]
  ) {
    self.file = file
    self.version = version
    self.metadata = metadata
    self.tensors = tensors
    self.tensorNames = tensorNames
  }

  /// Checks one mapped file by itself, be it a part or the whole.
  package init(_ file: MappedFile) throws(TensorsError) {
    var cursor = ByteCursor(file)
    self.file = file
    version = try Self.readHeader(&cursor)
    let tensorCount = try cursor.readCount(ofMinimumBytes: Self.minimumTensorBytes, "tensors")
    let pairCount = try cursor.readCount(ofMinimumBytes: Self.minimumPairBytes, "metadata pairs")
    metadata = try cursor.readMetadata(pairCount)
    let alignment = try Self.alignment(metadata, cursor)
    let entries = try cursor.readTensorEntries(tensorCount, alignment: alignment)
    (tensors, tensorNames) = try Self.place(entries, after: cursor, alignment: alignment)
  }

  /// Where in one of the model's files the weights begin, after what it says of itself.
  package func firstWeight(in part: MappedFile) -> Int {
    tensors.values.filter { $0.file === part }.map(\.range.lowerBound).min() ?? 0
  }

  package func tensor(named name: String) -> Tensor? { tensors[name] }

  /// Length, rank, one dimension, type, offset and a name of one byte.
  private static let minimumTensorBytes = 8 + 1 + 4 + 8 + 4 + 8
  /// Key length, one byte of key, kind, one byte of value.
  private static let minimumPairBytes = 8 + 1 + 4 + 1
  private static let defaultAlignment = 32

  private static func readHeader(_ cursor: inout ByteCursor) throws(TensorsError) -> UInt32 {
    let magic = try cursor.read(UInt32.self, "the GGUF magic")
    guard magic == 0x4655_4747 else {
      throw cursor.failure(
        .badMagic, "expected a GGUF file, which begins with the letters GGUF", at: 0)
    }
    let version = try cursor.read(UInt32.self, "the version")
    guard version & 0xffff != 0 else {
      throw cursor.failure(
        .unsupportedVersion, "the file is big-endian; expected little-endian", at: 4)
    }
    guard version == 2 || version == 3 else {
      throw cursor.failure(
        .unsupportedVersion, "expected GGUF version 2 or 3, found \(version)", at: 4)
    }
    return version
  }

  private static func alignment(
    _ metadata: [String: GGUFValue], _ cursor: ByteCursor
  ) throws(TensorsError) -> Int {
    guard let value = metadata["general.alignment"] else { return defaultAlignment }
    guard let alignment = value.int, alignment >= 8, alignment & (alignment - 1) == 0,
      alignment <= 1 << 30
    else {
      throw TensorsError(
        .badAlignment,
        "expected general.alignment to be a power of two from 8 to 2^30, found \(value)",
        path: cursor.file.path)
    }
    return alignment
  }

  /// Turns directory entries, whose offsets count from the data section, into tensors.
  private static func place(
    _ entries: [TensorEntry], after cursor: ByteCursor, alignment: Int
  ) throws(TensorsError) -> ([String: Tensor], [String]) {
    let size = cursor.file.bytes.count
    // The cursor is at most `size` and the alignment at most 2^30: no overflow.
    let dataStart = (cursor.offset + alignment - 1) / alignment * alignment
    var tensors = [String: Tensor](minimumCapacity: entries.count)
    for entry in entries {
      let (start, startOverflow) = dataStart.addingReportingOverflow(entry.dataOffset)
      let (end, endOverflow) = start.addingReportingOverflow(entry.byteCount)
      guard !startOverflow, !endOverflow, end <= size else {
        throw cursor.failure(
          .outOfBounds,
          "tensor \(entry.name) needs \(entry.byteCount) bytes at \(entry.dataOffset) of the data, "
            + "which begins at \(dataStart); the file has only \(size): is it completely downloaded?",
          at: entry.position)
      }
      let tensor = Tensor(
        name: entry.name, shape: entry.shape, type: entry.type, file: cursor.file,
        range: start..<end)
      guard tensors.updateValue(tensor, forKey: entry.name) == nil else {
        throw cursor.failure(
          .duplicateTensor, "tensor \(entry.name) is listed twice", at: entry.position)
      }
    }
    let sorted = entries.sorted { $0.dataOffset < $1.dataOffset }
    for (first, second) in zip(sorted, sorted.dropFirst())
    where first.dataOffset + first.byteCount > second.dataOffset {
      throw cursor.failure(
        .badLayout, "the data of tensors \(first.name) and \(second.name) overlap",
        at: second.position)
    }
    return (tensors, entries.map(\.name))
  }
}
