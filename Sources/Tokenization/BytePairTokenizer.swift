/// Byte-level byte-pair encoding: GPT-2, SmolLM, Llama 3, Qwen, o200k and their kin.
///
/// A text is cut into words (`PreTokenizer`), each word starts as single bytes, and the pair of
/// neighbours with the lowest rank merges, the leftmost of equals first, until none can.
/// Sennrich et al. 2016, arXiv 1508.07909; byte level as in GPT-2.
///
/// User-defined tokens are taken whole before words are cut, as the reference does with added
/// tokens; control tokens only when they are asked for.
package struct BytePairTokenizer: Tokenizer {
  let core: BytePairCore
  package let bos: TokenID?
  package let eos: TokenID?
  package let addsBOS: Bool
  package let addsEOS: Bool

  /// - Parameters:
  ///   - vocabulary: spellings in the byte alphabet (`Ġthe`); control and user-defined tokens are
  ///     spelled as they read.
  ///   - merges: `left right`, the most urgent first. Merges that name tokens the vocabulary lacks
  ///     can lead to no id and are left out.
  ///   - addsBOS: nil takes the family's habit.
  package init(
    vocabulary: Vocabulary, merges: ByteStrings, preTokenizer: PreTokenizer,
    bos: Int? = nil, eos: Int? = nil, addsBOS: Bool? = nil, addsEOS: Bool = false
  ) throws(TokenizationError) {
    core = try BytePairCore(
      vocabulary: vocabulary, merges: merges, preTokenizer: preTokenizer)
    self.bos = vocabulary.checked(bos)
    self.eos = vocabulary.checked(eos)
    self.addsBOS = (addsBOS ?? preTokenizer.addsBOS) && self.bos != nil
    self.addsEOS = addsEOS && self.eos != nil
  }

  init(core: BytePairCore, bos: TokenID?, eos: TokenID?) {
    self.core = core
    self.bos = bos
    self.eos = eos
    addsBOS = false
    addsEOS = false
  }

  package var vocabularySize: Int { core.pieces.count }

  package func encode(
    _ utf8: UnsafeBufferPointer<UInt8>, special: SpecialTokens
  ) -> [TokenID] {
    var output: [TokenID] = []
    guard let base = utf8.baseAddress, utf8.count > 0 else { return output }
    output.reserveCapacity(utf8.count / 3 + 8)
    let merger = WordMerger(core, textLength: utf8.count, base: base)
    let matcher = special == .parsed ? core.specials : core.userDefined
    matcher.split(
      utf8,
      text: { stretch in
        if core.preTokenizer.composes, let composed = CanonicalComposition.compose(stretch) {
          composed.withUnsafeBufferPointer { text in
            guard let start = text.baseAddress else { return }
            let merger = WordMerger(core, textLength: text.count, base: start)
            encode(text, with: merger, into: &output)
          }
        } else {
          encode(stretch, with: merger, into: &output)
        }
      },
      token: { output.append($0) })
    return output
  }

  /// Appends the tokens of text without special tokens, which lies where `merger` expects it.
  private func encode(
    _ text: UnsafeBufferPointer<UInt8>, with merger: WordMerger<BytePairCore>,
    into output: inout [TokenID]
  ) {
    guard let start = text.baseAddress else { return }
    core.preTokenizer.forEachWord(text) { from, to in
      merger.encode(start + from, to - from, into: &output)
    }
  }

  package func bytes(of id: TokenID) -> [UInt8] {
    guard id >= 0, Int(id) < core.pieces.count, !isControl(id) else { return [] }
    return Array(core.pieces[Int(id)])
  }

  package func name(of id: TokenID) -> String {
    guard id >= 0, Int(id) < core.pieces.count else { return "<|invalid_\(id)|>" }
    return core.pieces.string(Int(id))
  }

  package func isControl(_ id: TokenID) -> Bool {
    guard id >= 0, Int(id) < core.pieces.count else { return false }
    return core.kind(Int(id)) == .control
  }

  package func id(named name: String) -> TokenID? {
    var name = name
    return name.withUTF8 { bytes in
      if let special = core.specials.token(of: bytes) { return special }
      let found = core.index.find(bytes)
      return found < 0 ? nil : TokenID(found)
    }
  }
}
