/// BERT's WordPiece: normalize, cut at spaces and punctuation, then take the longest piece that
/// fits, again and again. A word that does not come out even, or of more than 100 characters, is
/// one unknown token. Devlin et al. 2018, arXiv 1810.04805; corresponds to HF's `BertNormalizer`,
/// `BertPreTokenizer` and `WordPiece`.
///
/// `bos` and `eos` are `[CLS]` and `[SEP]`.
package struct WordPieceTokenizer: Tokenizer {
  private let core: WordPieceCore
  package let bos: TokenID?
  package let eos: TokenID?
  package let addsBOS: Bool
  package let addsEOS: Bool

  /// - Parameters:
  ///   - vocabulary: either as `vocab.txt` has it (`word`, `##piece`) or as GGUF does (`▁word`,
  ///     `piece`).
  ///   - bos: nil looks for `[CLS]`; likewise `eos` for `[SEP]` and `unknown` for `[UNK]`.
  ///   - uncased: lower-case and strip accents.
  /// - Throws: `inconsistent` when there is no unknown token.
  package init(
    vocabulary: Vocabulary, bos: Int? = nil, eos: Int? = nil, unknown: Int? = nil,
    addsBOS: Bool = true, addsEOS: Bool = true, uncased: Bool = true
  ) throws(TokenizationError) {
    core = try WordPieceCore(
      vocabulary, unknown: vocabulary.checked(unknown), normalizer: BertNormalizer(uncased: uncased)
    )
    self.bos = vocabulary.checked(bos) ?? core.specials.token(named: "[CLS]")
    self.eos = vocabulary.checked(eos) ?? core.specials.token(named: "[SEP]")
    self.addsBOS = addsBOS && self.bos != nil
    self.addsEOS = addsEOS && self.eos != nil
  }

  package var vocabularySize: Int { core.pieces.count }

  package func encode(
    _ utf8: UnsafeBufferPointer<UInt8>, special: SpecialTokens
  ) -> [TokenID] {
    var output: [TokenID] = []
    output.reserveCapacity(utf8.count / 4 + 4)
    switch special {
    case .asText: core.encode(utf8, into: &output)
    case .parsed:
      core.specials.split(
        utf8, text: { core.encode($0, into: &output) }, token: { output.append($0) })
    }
    return output
  }

  /// A piece that begins a word has a space in front.
  package func bytes(of id: TokenID) -> [UInt8] {
    guard id >= 0, Int(id) < core.pieces.count, !isControl(id) else { return [] }
    let piece = Array(core.pieces[Int(id)])
    return core.roles[Int(id)] == .tail ? piece : [0x20] + piece
  }

  package func name(of id: TokenID) -> String {
    guard id >= 0, Int(id) < core.pieces.count else { return "<|invalid_\(id)|>" }
    return (core.roles[Int(id)] == .tail ? "##" : "") + core.pieces.string(Int(id))
  }

  package func isControl(_ id: TokenID) -> Bool {
    guard id >= 0, Int(id) < core.pieces.count else { return false }
    return core.roles[Int(id)] == .special
  }

  /// The names are those of `vocab.txt`, whatever form the vocabulary came in.
  package func id(named name: String) -> TokenID? {
    if let special = core.specials.token(named: name) { return special }
    // Bytes, not characters: a mark may follow `##` and join it.
    let found =
      name.utf8.starts(with: "##".utf8)
      ? core.tails.find(String(decoding: name.utf8.dropFirst(2), as: UTF8.self))
      : core.heads.find(name)
    return found < 0 ? nil : TokenID(found)
  }
}
