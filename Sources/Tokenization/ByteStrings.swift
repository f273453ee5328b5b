/// Many short byte strings in one allocation: the pieces of a vocabulary, the lines of a merge list.
///
/// Memory: `bytes` holds the strings end to end, `offsets[i] ..< offsets[i + 1]` is string `i`.
package final class ByteStrings: @unchecked Sendable {
  package let count: Int
  private let storage: UnsafeMutablePointer<UInt8>
  private let offsets: UnsafeMutablePointer<UInt32>

  /// Copies `count` strings out of lent memory.
  ///
  /// - Throws: when they hold 4 GiB or more together.
  package init(
    count: Int, bytes: (Int) -> UnsafeRawBufferPointer
  ) throws(TokenizationError) {
    let count = max(0, count)
    offsets = .allocate(capacity: count + 1)
    offsets[0] = 0
    var total = 0
    var index = 0
    while index < count {
      total += bytes(index).count
      guard total < Int(UInt32.max) else { break }
      index += 1
      offsets[index] = UInt32(total)
    }
    storage = .allocate(capacity: max(1, total))
    self.count = index
    guard index == count else {
      throw TokenizationError(
        .inconsistent, "the strings hold 4 GiB or more; a vocabulary holds a few MiB",
        subject: "vocabulary")
    }
    for index in 0..<count {
      let source = bytes(index)
      guard let base = source.baseAddress, source.count > 0 else { continue }
      let room = Int(offsets[index + 1]) - Int(offsets[index])
      storage.advanced(by: Int(offsets[index])).update(
        from: base.assumingMemoryBound(to: UInt8.self), count: min(room, source.count))
    }
  }

  /// Takes strings that were built in place: `ends[i]` is where string `i` ends.
  init(joined: [UInt8], ends: [UInt32]) {
    count = ends.count
    storage = .allocate(capacity: max(1, joined.count))
    offsets = .allocate(capacity: ends.count + 1)
    offsets[0] = 0
    joined.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { storage.update(from: base, count: source.count) }
    }
    for (index, end) in ends.enumerated() { offsets[index + 1] = end }
  }

  /// Lets `write` put each string where it belongs and return its length; together they hold at
  /// most `capacity` bytes.
  init(count: Int, capacity: Int, write: (Int, UnsafeMutablePointer<UInt8>) -> Int) {
    self.count = count
    storage = .allocate(capacity: max(1, capacity))
    offsets = .allocate(capacity: count + 1)
    offsets[0] = 0
    var total = 0
    for index in 0..<count {
      total += write(index, storage + total)
      offsets[index + 1] = UInt32(total)
    }
  }

  package convenience init(_ strings: [String]) {
    var joined: [UInt8] = []
    var ends: [UInt32] = []
    ends.reserveCapacity(strings.count)
    for string in strings {
      joined.append(contentsOf: string.utf8)
      ends.append(UInt32(joined.count))
    }
    self.init(joined: joined, ends: ends)
  }

  deinit {
    storage.deallocate()
    offsets.deallocate()
  }

  /// String `index`, valid while this object lives.
  package subscript(index: Int) -> UnsafeBufferPointer<UInt8> {
    precondition(index >= 0 && index < count)
    let start = Int(offsets[index])
    return UnsafeBufferPointer(start: storage + start, count: Int(offsets[index + 1]) - start)
  }

  /// The bytes of all strings together.
  package var byteCount: Int { Int(offsets[count]) }

  package func string(_ index: Int) -> String {
    String(decoding: self[index], as: UTF8.self)
  }
}
