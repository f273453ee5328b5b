import Tokenization

/// The ids of Harmony's control tokens in one vocabulary (o200k_harmony: 200002 to 200012).
///
/// Resolved by name, so that any vocabulary that has them will do. `<|refusal|>` and `<|untrusted|>`
/// are not tokens in o200k_harmony and mean nothing here.
package struct HarmonyControlTokens: Sendable, Equatable {
  package let start: TokenID
  package let message: TokenID
  package let channel: TokenID
  package let constrain: TokenID
  package let end: TokenID
  package let `return`: TokenID
  package let call: TokenID
  /// Not part of the format: a fault when the model writes it.
  package let endOfText: TokenID?

  /// - Throws: `missingControlToken`.
  package init(_ tokenizer: any Tokenizer) throws(ConversationError) {
    start = try tokenizer.required("<|start|>")
    message = try tokenizer.required("<|message|>")
    channel = try tokenizer.required("<|channel|>")
    constrain = try tokenizer.required("<|constrain|>")
    end = try tokenizer.required("<|end|>")
    `return` = try tokenizer.required("<|return|>")
    call = try tokenizer.required("<|call|>")
    endOfText = tokenizer.id(named: "<|endoftext|>")
  }

  /// Where sampling stops. `<|end|>` is not among them: an analysis message ends with it, and
  /// generation must go on.
  package var samplingStops: [TokenID] { unique([`return`, call, endOfText]) }
}
