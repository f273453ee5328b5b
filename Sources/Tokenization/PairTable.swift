/// A list of merges (GGUF, `tokenizer.json`): which neighbours merge, how early, and into what. A
/// pair's place in the list is its rank.
final class PairTable: @unchecked Sendable {
  /// `left(21) | right(21) | rank(22)`, all ones when free; linear probing.
  private let slots: UnsafeMutablePointer<UInt64>
  private let mask: Int
  /// rank to the token the pair merges into.
  private let results: UnsafeMutablePointer<TokenID>
  let count: Int

  private static let free = UInt64.max
  /// The most merges a list may have: ranks have 22 bits, and the highest would look free.
  static let limit = 1 << 22 - 1

  /// - Parameters:
  ///   - merges: `left right` in the byte alphabet, the most urgent first. Merges that name
  ///     strings the index lacks are left out; of two merges of the same pair the first counts.
  ///   - index: tokens by their bytes.
  init(_ merges: ByteStrings, index: ByteTable) {
    count = merges.count
    var capacity = 16
    while capacity < merges.count * 2 { capacity *= 2 }
    mask = capacity - 1
    slots = .allocate(capacity: capacity)
    slots.initialize(repeating: Self.free, count: capacity)
    results = .allocate(capacity: max(1, merges.count))
    results.initialize(repeating: -1, count: max(1, merges.count))
    MergeReader(merges, index: index).forEach { merge in
      results[merge.rank] = merge.result
      let key = UInt64(merge.left) << 21 | UInt64(merge.right)
      var slot = Self.hash(key) & mask
      while slots[slot] != Self.free, slots[slot] >> 22 != key { slot = (slot + 1) & mask }
      if slots[slot] == Self.free { slots[slot] = key << 22 | UInt64(merge.rank) }
    }
  }

  deinit {
    slots.deallocate()
    results.deallocate()
  }

  @inline(__always)
  private static func hash(_ key: UInt64) -> Int {
    let product = (key ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
    return Int(truncatingIfNeeded: product.high ^ product.low)
  }

  /// The rank at which these two merge, or `UInt32.max`.
  @inline(__always)
  func rank(_ left: TokenID, _ right: TokenID) -> UInt32 {
    let key = UInt64(UInt32(bitPattern: left)) << 21 | UInt64(UInt32(bitPattern: right))
    var slot = Self.hash(key) & mask
    while true {
      let entry = slots[slot]
      if entry == Self.free { return .max }
      if entry >> 22 == key { return UInt32(truncatingIfNeeded: entry & (1 << 22 - 1)) }
      slot = (slot + 1) & mask
    }
  }

  @inline(__always)
  func result(_ rank: UInt32) -> TokenID { results[Int(rank)] }
}
