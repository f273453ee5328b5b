/// In place of a token: the symbol is left out, and its neighbours may merge.
let droppedSymbol: TokenID = -2

/// What a family of vocabularies decides about merging; `WordMerger` does it.
///
/// A word's symbols are stretches of its bytes. `rank` says how urgent it is to merge two
/// neighbours, the lowest first and the leftmost of equals; `UInt32.max` is never.
protocol MergeRules {
  /// The symbol that begins at `position`: how many bytes it has, and its token, or -1 when that
  /// is to be looked up at the end, or `droppedSymbol`.
  func symbol(
    _ word: UnsafePointer<UInt8>, _ position: Int, _ end: Int
  ) -> (length: Int, id: TokenID)

  /// - Parameters:
  ///   - start: where the left symbol begins, in bytes of the word.
  ///   - end: where the right symbol ends.
  func rank(
    _ word: UnsafePointer<UInt8>, _ left: TokenID, _ right: TokenID, _ start: Int, _ end: Int
  ) -> UInt32

  /// The token that a merge at this rank gives.
  func result(_ rank: UInt32, _ word: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> TokenID

  /// Appends what a symbol that merged no further becomes.
  func append(
    _ id: TokenID, _ word: UnsafePointer<UInt8>, _ start: Int, _ end: Int,
    into output: inout [TokenID])

  /// The token of a word that needs no merging, or -1. `hash` is `ByteTable.hash` of the word.
  func whole(_ word: UnsafePointer<UInt8>, _ count: Int, hash: UInt64) -> TokenID
}

extension BytePairCore: MergeRules {
  /// A byte the vocabulary lacks is dropped before merging, as HF tokenizers does without an
  /// unknown token.
  @inline(__always)
  func symbol(
    _ word: UnsafePointer<UInt8>, _ position: Int, _ end: Int
  ) -> (length: Int, id: TokenID) {
    (1, byteTokens[Int(word[position])])
  }

  @inline(__always)
  func rank(
    _ word: UnsafePointer<UInt8>, _ left: TokenID, _ right: TokenID, _ start: Int, _ end: Int
  ) -> UInt32 {
    if let pairs { return pairs.rank(left, right) }
    if end - start > longestPiece { return .max }
    let id = index.find(word + start, end - start)
    return id < 0 ? .max : UInt32(id)
  }

  @inline(__always)
  func result(
    _ rank: UInt32, _ word: UnsafePointer<UInt8>, _ start: Int, _ end: Int
  ) -> TokenID {
    pairs?.result(rank) ?? TokenID(bitPattern: rank)
  }

  @inline(__always)
  func append(
    _ id: TokenID, _ word: UnsafePointer<UInt8>, _ start: Int, _ end: Int,
    into output: inout [TokenID]
  ) {
    output.append(id)
  }

  @inline(__always)
  func whole(_ word: UnsafePointer<UInt8>, _ count: Int, hash: UInt64) -> TokenID {
    preTokenizer.ignoresMerges && count <= longestPiece
      ? TokenID(index.find(word, count, hash: hash)) : -1
  }
}
