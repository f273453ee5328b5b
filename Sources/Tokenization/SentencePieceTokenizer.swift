/// SentencePiece's byte-pair encoding: Llama 2, Mistral, Gemma.
///
/// Spaces become ▁ (U+2581), each character is a symbol, and the neighbours whose concatenation
/// is the piece of the highest score merge, the leftmost of equals first. Characters no piece
/// covers fall back to byte tokens (`<0xE2>`). Kudo and Richardson 2018, arXiv 1808.06226;
/// corresponds to sentencepiece's `bpe::Model::Encode`.
///
/// User-defined pieces are taken whole, left to right, the longest first, and never merge.
/// A piece's bytes hold the space it stands for, so a decoded text keeps the space that
/// `addsSpacePrefix` put in front.
package struct SentencePieceTokenizer: Tokenizer {
  private let core: SentencePieceCore
  package let bos: TokenID?
  package let eos: TokenID?
  package let addsBOS: Bool
  package let addsEOS: Bool
  /// Whether a space goes before a text, and before what follows a parsed control token.
  package let addsSpacePrefix: Bool

  /// - Parameter vocabulary: with scores; spellings with ▁ or spaces alike.
  /// - Throws: `inconsistent` without scores.
  package init(
    vocabulary: Vocabulary, bos: Int? = nil, eos: Int? = nil, unknown: Int? = nil,
    addsBOS: Bool = true, addsEOS: Bool = false, addsSpacePrefix: Bool = true
  ) throws(TokenizationError) {
    core = try SentencePieceCore(vocabulary, unknown: vocabulary.checked(unknown))
    self.bos = vocabulary.checked(bos)
    self.eos = vocabulary.checked(eos)
    self.addsBOS = addsBOS && self.bos != nil
    self.addsEOS = addsEOS && self.eos != nil
    self.addsSpacePrefix = addsSpacePrefix
  }

  package var vocabularySize: Int { core.pieces.count }

  package func encode(
    _ utf8: UnsafeBufferPointer<UInt8>, special: SpecialTokens
  ) -> [TokenID] {
    var output: [TokenID] = []
    guard utf8.count > 0 else { return output }
    switch special {
    case .asText: encodeStretch(utf8, into: &output)
    case .parsed:
      core.controls.split(
        utf8, text: { encodeStretch($0, into: &output) }, token: { output.append($0) })
    }
    return output
  }

  private func encodeStretch(_ text: UnsafeBufferPointer<UInt8>, into output: inout [TokenID]) {
    var escaped: [UInt8] = []
    escaped.reserveCapacity(text.count + text.count / 2 + 3)
    if addsSpacePrefix { escaped.append(contentsOf: SentencePieceCore.space) }
    for byte in text {
      if byte == 0x20 {
        escaped.append(contentsOf: SentencePieceCore.space)
      } else {
        escaped.append(byte)
      }
    }
    escaped.withUnsafeBufferPointer { escaped in
      guard let base = escaped.baseAddress else { return }
      let merger = WordMerger(core, textLength: escaped.count, base: base)
      core.userDefined.split(
        escaped,
        text: { stretch in
          core.forEachWord(stretch) { word, count in
            merger.encode(word, count, into: &output)
          }
        },
        token: { output.append($0) })
    }
  }

  package func bytes(of id: TokenID) -> [UInt8] {
    guard id >= 0, Int(id) < core.pieces.count else { return [] }
    switch core.kinds[Int(id)] {
    case .control: return []
    case .unknown: return [0xEF, 0xBF, 0xBD]
    case .byte: return core.byteValue(of: Int(id)).map { [$0] } ?? []
    default: return core.unescaped(Int(id))
    }
  }

  package func name(of id: TokenID) -> String {
    guard id >= 0, Int(id) < core.pieces.count else { return "<|invalid_\(id)|>" }
    switch core.kinds[Int(id)] {
    case .normal, .userDefined: return String(decoding: core.unescaped(Int(id)), as: UTF8.self)
    default: return core.pieces.string(Int(id))
    }
  }

  package func isControl(_ id: TokenID) -> Bool {
    guard id >= 0, Int(id) < core.pieces.count else { return false }
    return core.kinds[Int(id)] == .control
  }

  package func id(named name: String) -> TokenID? {
    var name = name
    return name.withUTF8 { bytes in
      if let control = core.controls.token(of: bytes) { return control }
      if let own = core.userDefined.token(of: bytes) { return own }
      let found = core.index.find(bytes)
      return found < 0 ? nil : TokenID(found)
    }
  }
}
