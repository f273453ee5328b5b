/// The immutable tables of a byte-level vocabulary, shared by all copies of its tokenizer.
final class BytePairCore: Sendable {
  /// What each token stands for in bytes; control and user-defined tokens in their own spelling.
  let pieces: ByteStrings
  /// Ordinary tokens by their bytes.
  let index: ByteTable
  /// The token of each single byte, or `droppedSymbol`.
  let byteTokens: [TokenID]
  /// nil: ranks are ids and any two neighbours merge whose bytes together are a token.
  let pairs: PairTable?
  let preTokenizer: PreTokenizer
  /// Matched in every text.
  let userDefined: SpecialTokenMatcher
  /// Matched when special tokens are parsed: control and user-defined.
  let specials: SpecialTokenMatcher
  /// The length of the longest ordinary token, in bytes.
  let longestPiece: Int
  private let kinds: [Vocabulary.Kind]

  init(
    vocabulary: Vocabulary, merges: ByteStrings, preTokenizer: PreTokenizer
  ) throws(TokenizationError) {
    guard merges.count < PairTable.limit else {
      throw TokenizationError(
        .inconsistent, "found \(merges.count) merges, expected fewer than \(PairTable.limit)",
        subject: "tokenizer.ggml.merges")
    }
    let count = vocabulary.count
    var kinds: [Vocabulary.Kind] = []
    kinds.reserveCapacity(count)
    for id in 0..<count { kinds.append(vocabulary.kind(of: id)) }
    let pieces = ByteAlphabet.decoded(vocabulary.pieces) { kinds[$0] == .normal }
    let index = ByteTable(pieces) { kinds[$0] == .normal }
    self.pairs = PairTable(merges, index: index)
    self.pieces = pieces
    self.index = index
    self.kinds = kinds
    self.preTokenizer = preTokenizer
    (byteTokens, longestPiece) = Self.measure(pieces, kinds, index)
    (userDefined, specials) = Self.matchers(pieces, kinds)
  }

  /// Tables after tiktoken: `pieces[i]` for `i < ordinary` are tokens whose rank is their id,
  /// those after it are control tokens.
  init(pieces: ByteStrings, ordinary: Int, preTokenizer: PreTokenizer) {
    self.pieces = pieces
    self.preTokenizer = preTokenizer
    let kinds = (0..<pieces.count).map { $0 < ordinary ? Vocabulary.Kind.normal : .control }
    self.kinds = kinds
    index = ByteTable(pieces) { $0 < ordinary }
    pairs = nil
    (byteTokens, longestPiece) = Self.measure(pieces, kinds, index)
    (userDefined, specials) = Self.matchers(pieces, kinds)
  }

  func kind(_ id: Int) -> Vocabulary.Kind { kinds[id] }

  private static func measure(
    _ pieces: ByteStrings, _ kinds: [Vocabulary.Kind], _ index: ByteTable
  ) -> ([TokenID], Int) {
    let byteTokens = (0..<256).map { byte -> TokenID in
      let found = withUnsafePointer(to: UInt8(byte)) { TokenID(index.find($0, 1)) }
      return found < 0 ? droppedSymbol : found
    }
    var longest = 0
    for id in 0..<pieces.count where kinds[id] == .normal {
      longest = max(longest, pieces[id].count)
    }
    return (byteTokens, longest)
  }

  private static func matchers(
    _ pieces: ByteStrings, _ kinds: [Vocabulary.Kind]
  ) -> (userDefined: SpecialTokenMatcher, specials: SpecialTokenMatcher) {
    var own: [(bytes: UnsafeBufferPointer<UInt8>, id: TokenID)] = []
    var all: [(bytes: UnsafeBufferPointer<UInt8>, id: TokenID)] = []
    for id in 0..<pieces.count {
      switch kinds[id] {
      case .userDefined:
        own.append((pieces[id], TokenID(id)))
        all.append((pieces[id], TokenID(id)))
      case .control: all.append((pieces[id], TokenID(id)))
      default: break
      }
    }
    return (SpecialTokenMatcher(own), SpecialTokenMatcher(all))
  }
}
