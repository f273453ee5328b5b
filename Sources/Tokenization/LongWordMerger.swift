/// Merges a word of any length in O(n log n): neighbours in a linked list, candidates in a heap.
enum LongWordMerger {
  static func merge(
    _ core: BytePairCore, _ word: UnsafePointer<UInt8>, _ length: Int,
    into output: inout [TokenID]
  ) {
    guard length < Int(Int32.max) else { return }
    // Symbols are named by the byte they begin at. next[i]: where the following one begins.
    let ids = UnsafeMutablePointer<TokenID>.allocate(capacity: length)
    let next = UnsafeMutablePointer<Int32>.allocate(capacity: length + 1)
    let previous = UnsafeMutablePointer<Int32>.allocate(capacity: length + 1)
    // ranks[i]: of the pair that begins at i.
    let ranks = UnsafeMutablePointer<UInt32>.allocate(capacity: length)
    defer {
      ids.deallocate()
      next.deallocate()
      previous.deallocate()
      ranks.deallocate()
    }
    for index in 0..<length {
      ids[index] = core.byteTokens[Int(word[index])]
      next[index] = Int32(index + 1)
      previous[index] = Int32(index - 1)
    }
    next[length] = Int32(length)
    previous[length] = Int32(length - 1)
    var heap = MergeHeap(capacity: length)
    for index in 0..<length {
      ranks[index] =
        index + 1 < length
        ? mergeRank(core, word, ids[index], ids[index + 1], index, index + 2) : .max
      if ranks[index] != .max { heap.appendUnordered(ranks[index], Int32(index)) }
    }
    heap.order()
    while let (rank, position) = heap.pop() {
      let at = Int(position)
      guard ranks[at] == rank else { continue }
      ids[at] = core.pairs.map { $0.result(rank) } ?? TokenID(bitPattern: rank)
      let gone = Int(next[at])
      let after = Int(next[gone])
      ranks[gone] = .max
      next[at] = Int32(after)
      previous[after] = Int32(at)
      ranks[at] =
        after < length
        ? mergeRank(core, word, ids[at], ids[after], at, Int(next[after])) : .max
      if ranks[at] != .max { heap.push(ranks[at], position) }
      let before = Int(previous[at])
      if before >= 0 {
        let rank = mergeRank(core, word, ids[before], ids[at], before, after)
        if rank != ranks[before] {
          ranks[before] = rank
          if rank != .max { heap.push(rank, Int32(before)) }
        }
      }
    }
    var index = 0
    while index < length {
      if ids[index] >= 0 { output.append(ids[index]) }
      index = Int(next[index])
    }
  }
}

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
