/// A vocabulary as a model file gives it: spellings, scores and kinds, before any tokenizer.
package struct Vocabulary: Sendable {
  /// What a token is for, in the numbers of GGUF's `tokenizer.ggml.token_type`.
  package enum Kind: Int32, Sendable {
    case normal = 1
    case unknown = 2
    /// Comes out of a text only when special tokens are parsed.
    case control = 3
    /// Always matched as a whole, before anything else is.
    case userDefined = 4
    case unused = 5
    /// `<0x0A>`: one byte that no piece covers.
    case byte = 6
  }

  /// The spellings, token by token, in the tokenizer family's own alphabet.
  package let pieces: ByteStrings
  /// Merge scores (SentencePiece); nil where the family has none.
  package let scores: [Float]?
  private let kinds: [Int32]?

  /// - Parameters:
  ///   - bytes: the spelling of token `i`; copied.
  ///   - types: GGUF token types; nil means all are normal.
  /// - Throws: when the lists differ in length.
  package init(
    count: Int, bytes: (Int) -> UnsafeRawBufferPointer, scores: [Float]? = nil,
    types: [Int32]? = nil
  ) throws(TokenizationError) {
    try self.init(
      pieces: ByteStrings(count: count, bytes: bytes), scores: scores, types: types)
  }

  package init(
    _ pieces: [String], scores: [Float]? = nil, types: [Int32]? = nil
  ) throws(TokenizationError) {
    try self.init(pieces: ByteStrings(pieces), scores: scores, types: types)
  }

  package init(
    pieces: ByteStrings, scores: [Float]?, types: [Int32]?
  ) throws(TokenizationError) {
    guard pieces.count > 0, pieces.count <= ByteTable.limit else {
      throw TokenizationError(
        .inconsistent, "found \(pieces.count) tokens, expected 1 to \(ByteTable.limit)",
        subject: "tokenizer.ggml.tokens")
    }
    if let scores, scores.count != pieces.count {
      throw TokenizationError(
        .inconsistent, "found \(scores.count) scores for \(pieces.count) tokens",
        subject: "tokenizer.ggml.scores")
    }
    if let types, types.count != pieces.count {
      throw TokenizationError(
        .inconsistent, "found \(types.count) types for \(pieces.count) tokens",
        subject: "tokenizer.ggml.token_type")
    }
    self.pieces = pieces
    self.scores = scores
    self.kinds = types
  }

  package var count: Int { pieces.count }

  /// The kind of a token; a number GGUF does not define counts as normal.
  package func kind(of index: Int) -> Kind {
    guard let kinds, index >= 0, index < kinds.count else { return .normal }
    return Kind(rawValue: kinds[index]) ?? .normal
  }

  /// An id that lies in the vocabulary, or nil.
  func checked(_ id: Int?) -> TokenID? {
    guard let id, id >= 0, id < count else { return nil }
    return TokenID(id)
  }
}
