/// What every tokenizer offers, whatever family its vocabulary belongs to.
///
/// A tokenizer is immutable and shared freely between threads. It works on UTF-8 bytes and never
/// traps on invalid ones. None of the `encode` functions of the protocol adds a begin or end
/// token; `encodeForModel` does.

/// The number of a token: its row in the embedding table.
package typealias TokenID = Int32

/// What to do with the names of control tokens (`<|im_end|>`, `<bos>`, `[SEP]`) inside a text.
package enum SpecialTokens: Sendable {
  /// They are ordinary characters. No control token can come out, whatever the text holds.
  case asText
  /// They become the control token of that name: leftmost first, longest first, no rescan.
  case parsed
}

package protocol Tokenizer: Sendable {
  /// Ids are `0 ..< vocabularySize`.
  var vocabularySize: Int { get }

  /// The tokens of a text, without begin and end tokens.
  ///
  /// Invalid UTF-8 is tokenized as bytes where the vocabulary has bytes, else as U+FFFD.
  func encode(_ utf8: UnsafeBufferPointer<UInt8>, special: SpecialTokens) -> [TokenID]

  /// The bytes an ordinary token stands for; empty for control tokens and ids out of range.
  /// One token's bytes need not be valid UTF-8.
  func bytes(of id: TokenID) -> [UInt8]

  /// The token's own spelling for display. Control tokens give their name, ids out of range
  /// `<|invalid_ID|>`.
  func name(of id: TokenID) -> String

  /// Whether the id is a control token: one that no text turns into unless it is parsed.
  func isControl(_ id: TokenID) -> Bool

  /// The token of exactly this name: a control token, or a whole piece as the vocabulary spells it.
  func id(named name: String) -> TokenID?

  /// The begin token (MiniLM: `[CLS]`).
  var bos: TokenID? { get }
  /// The end token (MiniLM: `[SEP]`).
  var eos: TokenID? { get }
  /// Whether the model expects `bos` before a text.
  var addsBOS: Bool { get }
  /// Whether the model expects `eos` after a text.
  var addsEOS: Bool { get }

}

extension Tokenizer {
  package func encode(_ text: String, special: SpecialTokens = .asText) -> [TokenID] {
    var text = text
    return text.withUTF8 { encode($0, special: special) }
  }

  package func encode(_ bytes: [UInt8], special: SpecialTokens = .asText) -> [TokenID] {
    bytes.withUnsafeBufferPointer { encode($0, special: special) }
  }

  /// The tokens of a text with the begin and end tokens the model expects.
  ///
  /// - Parameter limit: the most tokens wanted, begin and end included. A longer text loses its
  ///   tail, never its end token.
  package func encodeForModel(
    _ text: String, special: SpecialTokens = .asText, limit: Int = .max
  ) -> [TokenID] {
    var ids: [TokenID] = []
    if addsBOS, let bos { ids.append(bos) }
    let end = addsEOS ? eos : nil
    let room = max(0, limit - ids.count - (end == nil ? 0 : 1))
    ids.append(contentsOf: encode(text, special: special).prefix(room))
    if let end { ids.append(end) }
    return ids
  }

  /// The whole text of some tokens: control tokens give nothing, each maximal ill-formed part of
  /// the bytes (Unicode 16, section 3.9) and each id outside the vocabulary gives one U+FFFD.
  package func decode(_ ids: some Sequence<TokenID>) -> String {
    // 0xFF is no part of any character.
    let text = ids.flatMap { $0 >= 0 && Int($0) < vocabularySize ? bytes(of: $0) : [0xFF] }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes of some tokens, one after the other.
  package func bytes(of ids: some Sequence<TokenID>) -> [UInt8] {
    ids.flatMap { bytes(of: $0) }
  }
}
