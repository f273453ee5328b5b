/// Merges the words of one text, with scratch memory and a cache that live as long as the text.
///
/// The cache is one slot per hash: it remembers where in the text a word stood before and where
/// in the output its tokens lie, so it copies neither.
final class WordEncoder {
  private struct Seen {
    var start: Int32 = -1
    var length: Int32 = 0
    var output: Int32 = 0
    var tokens: Int32 = 0
  }

  /// Words up to this many bytes merge by scanning; longer ones through a heap.
  private static let scanned = 64

  private let core: BytePairCore
  private let base: UnsafePointer<UInt8>
  private let cache: UnsafeMutablePointer<Seen>
  private let cacheMask: Int
  private let ids: UnsafeMutablePointer<TokenID>
  private let starts: UnsafeMutablePointer<Int32>
  private let ranks: UnsafeMutablePointer<UInt32>

  /// - Parameter base: where the text begins; every word lies in it, below 2 GiB.
  init(_ core: BytePairCore, textLength: Int, base: UnsafePointer<UInt8>) {
    self.core = core
    self.base = base
    var capacity = 16
    while capacity < textLength / 16, capacity < 1 << 14 { capacity *= 2 }
    cacheMask = capacity - 1
    cache = .allocate(capacity: capacity)
    cache.initialize(repeating: Seen(), count: capacity)
    ids = .allocate(capacity: Self.scanned + 1)
    starts = .allocate(capacity: Self.scanned + 2)
    ranks = .allocate(capacity: Self.scanned + 1)
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
    if count == 1 {
      let id = core.byteTokens[Int(word[0])]
      if id >= 0 { output.append(id) }
      return
    }
    if count > Self.scanned {
      encodeLong(word, count, into: &output)
      return
    }
    let hash = ByteTable.hash(word, count)
    if core.preTokenizer.ignoresMerges {
      let id = core.index.find(word, count, hash: hash)
      if id >= 0 {
        output.append(TokenID(id))
        return
      }
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
    if offset < Int(Int32.max) - count {
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
    for index in 0..<length {
      let id = core.byteTokens[Int(word[index])]
      // A byte the vocabulary lacks separates like a word's end would, and gives no token.
      ids[count] = id
      starts[count] = Int32(index)
      count += 1
    }
    starts[count] = Int32(length)
    for index in 0..<(count - 1) {
      ranks[index] = rank(word, index)
    }
    while count > 1 {
      var lowest = UInt32.max
      var at = 0
      for index in 0..<(count - 1) where ranks[index] < lowest {
        lowest = ranks[index]
        at = index
      }
      if lowest == .max { break }
      ids[at] = core.pairs.map { $0.result(lowest) } ?? TokenID(bitPattern: lowest)
      count -= 1
      for index in (at + 1)..<max(at + 1, count) {
        ids[index] = ids[index + 1]
        ranks[index] = ranks[index + 1]
      }
      for index in (at + 1)...max(at + 1, count) { starts[index] = starts[index + 1] }
      if at + 1 < count { ranks[at] = rank(word, at) }
      if at > 0 { ranks[at - 1] = rank(word, at - 1) }
    }
    for index in 0..<count where ids[index] >= 0 { output.append(ids[index]) }
  }

  @inline(__always)
  private func rank(_ word: UnsafePointer<UInt8>, _ index: Int) -> UInt32 {
    mergeRank(
      core, word, ids[index], ids[index + 1], Int(starts[index]), Int(starts[index + 2]))
  }

  private func encodeLong(
    _ word: UnsafePointer<UInt8>, _ count: Int, into output: inout [TokenID]
  ) {
    if core.preTokenizer.ignoresMerges, count <= core.longestPiece {
      let id = core.index.find(word, count)
      if id >= 0 {
        output.append(TokenID(id))
        return
      }
    }
    LongWordMerger.merge(core, word, count, into: &output)
  }
}

/// The rank at which two neighbouring tokens merge, or `UInt32.max`; `start ..< end` are their
/// bytes in the word.
@inline(__always)
func mergeRank(
  _ core: BytePairCore, _ word: UnsafePointer<UInt8>, _ left: TokenID, _ right: TokenID,
  _ start: Int, _ end: Int
) -> UInt32 {
  if let pairs = core.pairs {
    return left >= 0 && right >= 0 ? pairs.rank(left, right) : .max
  }
  if end - start > core.longestPiece { return .max }
  let id = core.index.find(word + start, end - start)
  return id < 0 ? .max : UInt32(id)
}
