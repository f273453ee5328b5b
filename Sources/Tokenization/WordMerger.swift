/// Merges the words of one text, with scratch memory and a cache that live as long as the text.
///
/// The cache is one slot per hash: it remembers where in the text a word stood before and where
/// in the output its tokens lie, so it copies neither.
final class WordMerger<Rules: MergeRules> {
  private struct Seen {
    var start: Int32 = 0
    /// 0: nothing seen.
    var length: Int32 = 0
    var output: Int32 = 0
    var tokens: Int32 = 0
  }

  private let rules: Rules
  private let base: UnsafePointer<UInt8>
  private let cache: UnsafeMutablePointer<Seen>
  private let cacheMask: Int
  private let ids: UnsafeMutablePointer<TokenID>
  private let starts: UnsafeMutablePointer<Int32>
  private let ranks: UnsafeMutablePointer<UInt32>

  /// - Parameter base: where the text begins; every word lies in it.
  init(_ rules: Rules, textLength: Int, base: UnsafePointer<UInt8>) {
    self.rules = rules
    self.base = base
    var capacity = 16
    while capacity < textLength / 16, capacity < 1 << 14 { capacity *= 2 }
    cacheMask = capacity - 1
    cache = .allocate(capacity: capacity)
    cache.initialize(repeating: Seen(), count: capacity)
    ids = .allocate(capacity: longestScannedWord + 1)
    starts = .allocate(capacity: longestScannedWord + 2)
    ranks = .allocate(capacity: longestScannedWord + 1)
  }

  deinit {
    cache.deallocate()
    ids.deallocate()
    starts.deallocate()
    ranks.deallocate()
  }

  /// Appends the tokens of one word.
  @inline(__always)
  func encode(_ word: UnsafePointer<UInt8>, _ count: Int, into output: inout [TokenID]) {
    let hash = ByteTable.hash(word, count)
    let id = rules.whole(word, count, hash: hash)
    if id >= 0 {
      output.append(id)
      return
    }
    if count > longestScannedWord {
      mergeLong(word, count, into: &output)
      return
    }
    let slot = Int(truncatingIfNeeded: hash >> 32) & cacheMask
    let seen = cache[slot]
    if Int(seen.length) == count, equal(base + Int(seen.start), word, count) {
      for index in Int(seen.output)..<Int(seen.output + seen.tokens) {
        output.append(output[index])
      }
      return
    }
    let before = output.count
    scan(word, count, into: &output)
    let offset = word - base
    if offset < Int(Int32.max) - count, output.count < Int(Int32.max) {
      cache[slot] = Seen(
        start: Int32(offset), length: Int32(count), output: Int32(before),
        tokens: Int32(output.count - before))
    }
  }

  /// Merges by looking for the lowest rank again after each merge: quadratic, and fastest for
  /// words as they are.
  private func scan(
    _ word: UnsafePointer<UInt8>, _ length: Int, into output: inout [TokenID]
  ) {
    var count = 0
    var position = 0
    while position < length {
      let symbol = rules.symbol(word, position, length)
      if symbol.id != droppedSymbol {
        ids[count] = symbol.id
        starts[count] = Int32(position)
        count += 1
      }
      position += symbol.length
    }
    starts[count] = Int32(length)
    var index = 0
    while index + 1 < count {
      ranks[index] = rank(word, index)
      index += 1
    }
    while count > 1 {
      var lowest = UInt32.max
      var at = 0
      index = 0
      while index + 1 < count {
        if ranks[index] < lowest {
          lowest = ranks[index]
          at = index
        }
        index += 1
      }
      if lowest == .max { break }
      ids[at] = rules.result(lowest, word, Int(starts[at]), Int(starts[at + 2]))
      count -= 1
      index = at + 1
      while index < count {
        ids[index] = ids[index + 1]
        ranks[index] = ranks[index + 1]
        starts[index] = starts[index + 1]
        index += 1
      }
      starts[count] = Int32(length)
      if at + 1 < count { ranks[at] = rank(word, at) }
      if at > 0 { ranks[at - 1] = rank(word, at - 1) }
    }
    index = 0
    while index < count {
      rules.append(ids[index], word, Int(starts[index]), Int(starts[index + 1]), into: &output)
      index += 1
    }
  }

  @inline(__always)
  private func rank(_ word: UnsafePointer<UInt8>, _ index: Int) -> UInt32 {
    rules.rank(word, ids[index], ids[index + 1], Int(starts[index]), Int(starts[index + 2]))
  }
}

/// Words up to this many bytes merge by scanning, longer ones through a heap.
private let longestScannedWord = 64

extension WordMerger {
  /// Merges a word of any length in O(n log n): neighbours in a linked list, candidates in a heap.
  ///
  /// Symbols are named by the byte they begin at. Words of 2 GiB and more give nothing.
  private func mergeLong(
    _ word: UnsafePointer<UInt8>, _ length: Int, into output: inout [TokenID]
  ) {
    guard length < Int(Int32.max) else { return }
    let ids = UnsafeMutablePointer<TokenID>.allocate(capacity: length)
    // next[i], previous[i]: where the neighbours begin; length and -1 at the ends.
    let next = UnsafeMutablePointer<Int32>.allocate(capacity: length + 1)
    let previous = UnsafeMutablePointer<Int32>.allocate(capacity: length + 1)
    // ranks[i]: of the pair whose left symbol begins at i.
    let ranks = UnsafeMutablePointer<UInt32>.allocate(capacity: length)
    defer {
      ids.deallocate()
      next.deallocate()
      previous.deallocate()
      ranks.deallocate()
    }
    var position = 0
    var last = -1
    var first = length
    while position < length {
      let symbol = rules.symbol(word, position, length)
      if symbol.id != droppedSymbol {
        ids[position] = symbol.id
        previous[position] = Int32(last)
        if last < 0 { first = position } else { next[last] = Int32(position) }
        last = position
      }
      position += symbol.length
    }
    if last >= 0 { next[last] = Int32(length) }
    next[length] = Int32(length)
    previous[length] = Int32(last)
    var heap = MergeHeap(capacity: length)
    position = first
    while position < length {
      let right = Int(next[position])
      ranks[position] =
        right < length
        ? rules.rank(word, ids[position], ids[right], position, Int(next[right])) : .max
      if ranks[position] != .max { heap.appendUnordered(ranks[position], Int32(position)) }
      position = right
    }
    heap.order()
    while let (rank, at32) = heap.pop() {
      let at = Int(at32)
      guard ranks[at] == rank else { continue }
      let gone = Int(next[at])
      let after = Int(next[gone])
      ids[at] = rules.result(rank, word, at, after)
      ranks[gone] = .max
      next[at] = Int32(after)
      previous[after] = Int32(at)
      ranks[at] =
        after < length ? rules.rank(word, ids[at], ids[after], at, Int(next[after])) : .max
      if ranks[at] != .max { heap.push(ranks[at], at32) }
      let before = Int(previous[at])
      if before >= 0 {
        let rank = rules.rank(word, ids[before], ids[at], before, after)
        // An equal rank is in the heap already, at this position.
        if rank != ranks[before] {
          ranks[before] = rank
          if rank != .max { heap.push(rank, Int32(before)) }
        }
      }
    }
    position = first
    while position < length {
      let following = Int(next[position])
      rules.append(ids[position], word, position, following, into: &output)
      position = following
    }
  }
}
