// Reading the two lists of a GGUF directory: metadata pairs and tensor entries.

import Storage

/// One tensor as the directory describes it.
struct TensorEntry {
  let name: String
  let shape: [Int]
  let type: ElementType
  /// From the start of the data section, in bytes.
  let dataOffset: Int
  let byteCount: Int
  /// Where the entry lies in the file, for messages.
  let position: Int
}

extension ByteCursor {
  private static let nameLimit = 65_535

  mutating func readMetadata(_ count: Int) throws(TensorsError) -> [String: GGUFValue] {
    var metadata: [String: GGUFValue] = [:]
    for _ in 0..<count {
      let start = offset
      let key = try readName(limit: Self.nameLimit, "a metadata key")
      let kind = try read(UInt32.self, "the kind of \(key)")
      let value = try readValue(kind, key)
      guard metadata.updateValue(value, forKey: key) == nil else {
        throw failure(.duplicateKey, "metadata key \(key) is listed twice", at: start)
      }
    }
    return metadata
  }

  private mutating func readValue(_ kind: UInt32, _ key: String) throws(TensorsError) -> GGUFValue {
    switch kind {
    case 0: return .unsigned(UInt64(try read(UInt8.self, key)))
    case 1: return .signed(Int64(try read(Int8.self, key)))
    case 2: return .unsigned(UInt64(try read(UInt16.self, key)))
    case 3: return .signed(Int64(try read(Int16.self, key)))
    case 4: return .unsigned(UInt64(try read(UInt32.self, key)))
    case 5: return .signed(Int64(try read(Int32.self, key)))
    case 6: return .float(Double(Float(bitPattern: try read(UInt32.self, key))))
    case 7: return .bool(try readBool(key))
    case 8:
      let range = try readStringRange("the value of \(key)")
      return .string(
        String(decoding: UnsafeRawBufferPointer(rebasing: file.bytes[range]), as: UTF8.self))
    case 9: return try readArray(key)
    case 10: return .unsigned(try read(UInt64.self, key))
    case 11: return .signed(try read(Int64.self, key))
    case 12: return .float(Double(bitPattern: try read(UInt64.self, key)))
    default:
      throw failure(
        .badValue, "expected a value kind from 0 to 12 for \(key), found \(kind)", at: offset - 4)
    }
  }

  private mutating func readBool(_ key: String) throws(TensorsError) -> Bool {
    let byte = try read(UInt8.self, key)
    guard byte <= 1 else {
      throw failure(
        .badValue, "expected a truth value of 0 or 1 for \(key), found \(byte)", at: offset - 1)
    }
    return byte == 1
  }

  /// An array as it lies in the file, its bytes passed over: a vocabulary is large, and whoever lists
  /// models has no use for it.
  private mutating func readArray(_ key: String) throws(TensorsError) -> GGUFValue {
    let kind = try read(UInt32.self, "the element kind of \(key)")
    guard kind != 9 else {
      throw failure(
        .badValue, "\(key) is an array of arrays, which no known model uses", at: offset - 4)
    }
    guard let width = GGUFArray.width(kind) else {
      throw failure(
        .badValue, "expected an element kind from 0 to 12 for \(key), found \(kind)",
        at: offset - 4)
    }
    let start = offset
    let count = try readCount(ofMinimumBytes: width, "elements of \(key)")
    let range = kind == 8 ? try skipStrings(count, key) : try skip(count * width, key)
    let array = GGUFArray(file: file, kind: kind, count: count, range: range)
    if kind == 7, file.bytes[range].contains(where: { $0 > 1 }) {
      throw failure(.badValue, "expected truth values of 0 or 1 for \(key)", at: start)
    }
    if kind == 10, array.isTooLarge {
      throw failure(.badValue, "an element of \(key) is larger than 2^63 - 1", at: start)
    }
    return .array(array)
  }

  /// Walks strings to find where they end.
  private mutating func skipStrings(
    _ count: Int, _ key: String
  ) throws(TensorsError) -> Range<Int> {
    let bytes = file.bytes
    var position = offset
    for i in 0..<count {
      // Invariant: position <= bytes.count, so the subtractions cannot overflow.
      guard bytes.count - position >= 8 else {
        throw failure(.truncated, "the file ends in string \(i) of \(key)", at: position)
      }
      let length = UInt64(
        littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
      guard length <= UInt64(bytes.count - position - 8) else {
        throw failure(
          .truncated,
          "string \(i) of \(key) is said to be \(length) bytes long, "
            + "but \(bytes.count - position - 8) are left", at: position)
      }
      position += 8 + Int(length)
    }
    return try skip(position - offset, key)
  }

  mutating func readTensorEntries(
    _ count: Int, alignment: Int
  ) throws(TensorsError) -> [TensorEntry] {
    var entries: [TensorEntry] = []
    entries.reserveCapacity(count)
    for _ in 0..<count { entries.append(try readTensorEntry(alignment: alignment)) }
    return entries
  }

  private mutating func readTensorEntry(alignment: Int) throws(TensorsError) -> TensorEntry {
    let position = offset
    let name = try readName(limit: Self.nameLimit, "a tensor name")
    let rank = try read(UInt32.self, "the rank of tensor \(name)")
    guard (1...4).contains(rank) else {
      throw failure(
        .badRank, "expected 1 to 4 dimensions for tensor \(name), found \(rank)", at: offset - 4)
    }
    var shape: [Int] = []
    for _ in 0..<rank {
      let dimension = try read(UInt64.self, "the shape of tensor \(name)")
      guard dimension > 0, let dimension = Int(exactly: dimension) else {
        throw failure(
          .badDimension, "expected dimensions of 1 or more for tensor \(name), found \(dimension)",
          at: offset - 8)
      }
      shape.insert(dimension, at: 0)
    }
    let number = try read(UInt32.self, "the type of tensor \(name)")
    guard let type = ElementType(rawValue: number), type != .u8 else {
      throw failure(
        .unsupportedType,
        "tensor \(name) has element type \(ElementType.unsupportedName(number)), which is not "
          + "supported; use a file of another quantization, such as Q4_K_M or Q8_0",
        at: offset - 4)
    }
    guard let byteCount = Tensor.byteCount(shape: shape, type: type) else {
      throw failure(
        .badDimension,
        "tensor \(name) of shape \(shape) cannot be stored as \(type.name): its rows are not whole "
          + "blocks of \(type.blockElements), or it is too large", at: position)
    }
    let start = try read(UInt64.self, "the offset of tensor \(name)")
    guard let dataOffset = Int(exactly: start) else {
      throw failure(
        .outOfBounds, "the offset \(start) of tensor \(name) is beyond any file", at: offset - 8)
    }
    guard dataOffset % alignment == 0 else {
      throw failure(
        .misaligned,
        "expected the offset of tensor \(name) to be a multiple of \(alignment), found \(start)",
        at: offset - 8)
    }
    return TensorEntry(
      name: name, shape: shape, type: type, dataOffset: dataOffset, byteCount: byteCount,
      position: position)
  }
}
