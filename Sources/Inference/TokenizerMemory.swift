import Tensors

/// What a tokenizer takes, from the sizes of its lists: spellings, an index of them by their bytes,
/// and a table of merges, each table with at most half of its slots in use.
package enum TokenizerMemory {
  /// Bytes for the vocabulary of a GGUF file; 0 when it has none.
  package static func bytes(_ file: GGUFFile) -> Int {
    func list(_ key: String) -> GGUFArray? { file.metadata["tokenizer.ggml.\(key)"]?.array }
    guard let tokens = list("tokens") else { return 0 }
    let merges = list("merges")?.count ?? 0
    let hasScores = file.metadata["tokenizer.ggml.scores"] != nil
    return index(tokens.count) + spellings(tokens.count) + tokens.count
      + (hasScores && merges == 0 ? 4 * tokens.count : 0)
      + (merges > 0 ? 8 * slots(merges) + 4 * merges : 0)
  }

  /// Bytes for a WordPiece vocabulary.
  static func wordPiece(tokens: Int) -> Int { 2 * index(tokens) + 2 * spellings(tokens) }

  /// An index by bytes: slots of four bytes, and a mark for each entry.
  private static func index(_ entries: Int) -> Int { 4 * slots(entries) + entries }

  /// A power of two, at least two slots for each entry.
  private static func slots(_ entries: Int) -> Int {
    var capacity = 16
    while capacity < 2 * entries { capacity *= 2 }
    return capacity
  }

  /// A token's spelling is some seven bytes, its place four.
  private static func spellings(_ tokens: Int) -> Int { 11 * tokens }
}
