/// Text out of tokens as they come, never half a character.
///
/// However the tokens are grouped, the strings returned by `feed` and `finish`, one after the
/// other, are exactly `tokenizer.decode` of all of them.
package struct StreamingDetokenizer: Sendable {
  private let tokenizer: any Tokenizer
  private var repair = UTF8Repair()
  private var scratch: [UInt8] = []

  package init(_ tokenizer: any Tokenizer) {
    self.tokenizer = tokenizer
  }

  /// The text that became certain with this token: whole scalars only, and one U+FFFD for each
  /// maximal run of invalid bytes. Control tokens give nothing; an id outside the vocabulary
  /// counts as an invalid byte.
  package mutating func feed(_ id: TokenID) -> String {
    scratch.removeAll(keepingCapacity: true)
    repair.feed(id, of: tokenizer, into: &scratch)
    return String(decoding: scratch, as: UTF8.self)
  }

  package mutating func feed(_ ids: some Sequence<TokenID>) -> String {
    scratch.removeAll(keepingCapacity: true)
    for id in ids { repair.feed(id, of: tokenizer, into: &scratch) }
    return String(decoding: scratch, as: UTF8.self)
  }

  /// The end of the text: one U+FFFD when it breaks off inside a scalar, else nothing.
  /// Afterwards the detokenizer is as new.
  package mutating func finish() -> String {
    scratch.removeAll(keepingCapacity: true)
    repair.finish(into: &scratch)
    return String(decoding: scratch, as: UTF8.self)
  }
}

extension UTF8Repair {
  mutating func feed(_ id: TokenID, of tokenizer: some Tokenizer, into output: inout [UInt8]) {
    if id < 0 || Int(id) >= tokenizer.vocabularySize {
      feedInvalid(into: &output)
    } else {
      tokenizer.bytes(of: id).withUnsafeBufferPointer { feed($0, into: &output) }
    }
  }
}
