/// A binary heap of merge candidates: lowest rank first, then leftmost.
struct MergeHeap {
  /// `rank << 32 | position`
  private var entries: [UInt64] = []

  init(capacity: Int) { entries.reserveCapacity(capacity) }

  private static func key(_ rank: UInt32, _ position: Int32) -> UInt64 {
    UInt64(rank) << 32 | UInt64(UInt32(bitPattern: position))
  }

  mutating func appendUnordered(_ rank: UInt32, _ position: Int32) {
    entries.append(Self.key(rank, position))
  }

  /// Makes a heap of what was appended: O(n).
  mutating func order() {
    entries.withUnsafeMutableBufferPointer { entries in
      for index in stride(from: entries.count / 2 - 1, through: 0, by: -1) {
        Self.sink(entries, index, entries[index], entries.count)
      }
    }
  }

  mutating func push(_ rank: UInt32, _ position: Int32) {
    let key = Self.key(rank, position)
    entries.append(key)
    entries.withUnsafeMutableBufferPointer { entries in
      var index = entries.count - 1
      while index > 0 {
        let parent = (index - 1) >> 1
        if entries[parent] <= key { break }
        entries[index] = entries[parent]
        index = parent
      }
      entries[index] = key
    }
  }

  mutating func pop() -> (rank: UInt32, position: Int32)? {
    guard let last = entries.popLast() else { return nil }
    guard let top = entries.first else { return Self.split(last) }
    entries.withUnsafeMutableBufferPointer { Self.sink($0, 0, last, $0.count) }
    return Self.split(top)
  }

  private static func split(_ key: UInt64) -> (UInt32, Int32) {
    (UInt32(key >> 32), Int32(bitPattern: UInt32(truncatingIfNeeded: key)))
  }

  @inline(__always)
  private static func sink(
    _ entries: UnsafeMutableBufferPointer<UInt64>, _ start: Int, _ key: UInt64, _ count: Int
  ) {
    var index = start
    while true {
      var child = 2 * index + 1
      if child >= count { break }
      if child + 1 < count, entries[child + 1] < entries[child] { child += 1 }
      if entries[child] >= key { break }
      entries[index] = entries[child]
      index = child
    }
    entries[index] = key
  }
}
