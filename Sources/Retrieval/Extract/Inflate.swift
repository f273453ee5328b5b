/// Unpacks DEFLATE data (RFC 1951) into memory, as far as a limit.
///
/// Reads any bytes: codes that are no code, distances before the beginning and ends in the middle are
/// errors, and nothing is written beyond `limit`. Time is linear in input and output.
struct Inflate {
  enum Failure: Error, Equatable {
    /// The bytes are no DEFLATE stream, or it ends too early.
    case damaged
    /// More than `limit` bytes come out.
    case tooLarge
  }

  /// A canonical Huffman code as one table: index by the next `bits` bits, the first bit lowest.
  private struct Code {
    /// symbol << 4 | length; 0 where no code begins so.
    var table: [UInt16]
    var bits: Int

    /// - Parameter lengths: bits of each symbol's code, 0 for none.
    init?(_ lengths: ArraySlice<UInt8>) {
      var counts = [Int](repeating: 0, count: 16)
      for length in lengths { counts[Int(length)] += 1 }
      counts[0] = 0
      bits = max(1, counts.lastIndex { $0 > 0 } ?? 1)
      var next = [Int](repeating: 0, count: 17)
      var code = 0
      for length in 1...15 {
        code = (code + counts[length - 1]) << 1
        next[length] = code
        // More codes of a length than there are.
        if code + counts[length] > 1 << length { return nil }
      }
      table = .init(repeating: 0, count: 1 << bits)
      for (symbol, length) in lengths.enumerated() where length > 0 {
        let size = Int(length)
        var reversed = 0
        for bit in 0..<size where next[size] & 1 << bit != 0 { reversed |= 1 << (size - 1 - bit) }
        next[size] += 1
        var slot = reversed
        while slot < table.count {
          table[slot] = UInt16(symbol << 4 | size)
          slot += 1 << size
        }
      }
    }
  }

  private let input: UnsafeRawBufferPointer
  private(set) var position: Int
  private var hold: UInt64 = 0
  private var held = 0
  private let limit: Int
  /// Unpacked bytes: the first `count` of `output`.
  private(set) var output: [UInt8]
  private(set) var count = 0

  /// - Parameters:
  ///   - input: lent while the value lives.
  ///   - start: where the stream begins in `input`.
  ///   - limit: bytes that may come out.
  init(_ input: UnsafeRawBufferPointer, from start: Int, limit: Int) {
    self.input = input
    position = start
    self.limit = limit
    // Small at first: a file may be made of a million members.
    output = .init(repeating: 0, count: min(limit, 4096))
  }

  /// Unpacks one stream; `position` is then the byte after it.
  mutating func run() throws(Failure) {
    while true {
      let isLast = try take(1) == 1
      switch try take(2) {
      case 0: try stored()
      case 1: try compressed(Self.fixedLiterals, Self.fixedDistances)
      case 2:
        let (literals, distances) = try readCodes()
        try compressed(literals, distances)
      default: throw .damaged
      }
      if isLast { break }
    }
    // Whole bytes read ahead belong to what follows.
    position -= held / 8
    held = 0
    hold = 0
  }

  private mutating func fill() {
    while held <= 56, position < input.count {
      hold |= UInt64(input[position]) << UInt64(held)
      position += 1
      held += 8
    }
  }

  private mutating func take(_ bits: Int) throws(Failure) -> Int {
    if held < bits { fill() }
    guard held >= bits else { throw .damaged }
    let value = Int(hold & (1 << UInt64(bits) - 1))
    hold >>= UInt64(bits)
    held -= bits
    return value
  }

  private mutating func symbol(_ code: Code) throws(Failure) -> Int {
    if held < 15 { fill() }
    let entry = Int(code.table[Int(truncatingIfNeeded: hold) & (code.table.count - 1)])
    let length = entry & 15
    guard length > 0, length <= held else { throw .damaged }
    hold >>= UInt64(length)
    held -= length
    return entry >> 4
  }

  private mutating func room(_ more: Int) throws(Failure) {
    guard count + more > output.count else { return }
    guard count + more <= limit else { throw .tooLarge }
    let wanted = min(limit, max(output.count * 2, count + more))
    output.append(contentsOf: repeatElement(0, count: wanted - output.count))
  }

  private mutating func stored() throws(Failure) {
    _ = try take(held % 8)
    let length = try take(16)
    guard try take(16) == length ^ 0xffff else { throw .damaged }
    try room(length)
    for _ in 0..<length {
      output[count] = UInt8(try take(8))
      count += 1
    }
  }

  private mutating func compressed(_ literals: Code, _ distances: Code) throws(Failure) {
    while true {
      let value = try symbol(literals)
      if value < 256 {
        if count == output.count { try room(1) }
        output[count] = UInt8(value)
        count += 1
        continue
      }
      if value == 256 { return }
      guard value < 286 else { throw .damaged }
      let length = Self.lengthBase[value - 257] + (try take(Self.lengthBits[value - 257]))
      let place = try symbol(distances)
      guard place < 30 else { throw .damaged }
      let distance = Self.distanceBase[place] + (try take(Self.distanceBits[place]))
      guard distance <= count else { throw .damaged }
      try room(length)
      for _ in 0..<length {
        output[count] = output[count - distance]
        count += 1
      }
    }
  }

  private mutating func readCodes() throws(Failure) -> (Code, Code) {
    let literals = try take(5) + 257
    let distances = try take(5) + 1
    let used = try take(4) + 4
    var order = [UInt8](repeating: 0, count: 19)
    for index in 0..<used { order[Self.codeOrder[index]] = UInt8(try take(3)) }
    guard let code = Code(order[...]) else { throw .damaged }
    var lengths: [UInt8] = []
    while lengths.count < literals + distances {
      let value = try symbol(code)
      switch value {
      case 0...15: lengths.append(UInt8(value))
      case 16:
        guard let last = lengths.last else { throw .damaged }
        lengths.append(contentsOf: repeatElement(last, count: try take(2) + 3))
      case 17: lengths.append(contentsOf: repeatElement(0, count: try take(3) + 3))
      default: lengths.append(contentsOf: repeatElement(0, count: try take(7) + 11))
      }
    }
    guard lengths.count == literals + distances, let first = Code(lengths[..<literals]),
      let second = Code(lengths[literals...])
    else { throw .damaged }
    return (first, second)
  }

  // RFC 1951, sections 3.2.5 to 3.2.7.
  private static let codeOrder = [
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15,
  ]
  private static let lengthBase = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
    163, 195, 227, 258,
  ]
  private static let lengthBits = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
  ]
  private static let distanceBase = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049,
    3073, 4097, 6145, 8193, 12289, 16385, 24577,
  ]
  private static let distanceBits = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13,
    13,
  ]
  private static let fixedLiterals = Code(
    ([UInt8](repeating: 8, count: 144) + .init(repeating: 9, count: 112)
      + .init(repeating: 7, count: 24) + .init(repeating: 8, count: 8))[...])!
  private static let fixedDistances = Code([UInt8](repeating: 5, count: 30)[...])!
}
