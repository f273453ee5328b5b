/// What a model file says of its tokenizer, as plain data; `makeTokenizer` builds it.
///
/// The names are those of GGUF's `tokenizer.ggml.*` metadata. A field that the file lacks stays
/// nil, and the family's habit decides.
package struct TokenizerDescription: Sendable {
  /// `tokenizer.ggml.model`: `gpt2` (byte-level BPE), `llama` (SentencePiece BPE), `bert`.
  package var model: String
  /// `tokenizer.ggml.pre`
  package var pre: String?
  /// `tokenizer.ggml.tokens`, `.scores`, `.token_type`
  package var vocabulary: Vocabulary
  /// `tokenizer.ggml.merges`: `left right`
  package var merges: ByteStrings?
  /// `tokenizer.ggml.bos_token_id` (bert: `[CLS]`)
  package var bos: Int?
  /// `tokenizer.ggml.eos_token_id` (bert: `[SEP]`)
  package var eos: Int?
  /// `tokenizer.ggml.unknown_token_id`
  package var unknown: Int?
  /// `tokenizer.ggml.add_bos_token`
  package var addsBOS: Bool?
  /// `tokenizer.ggml.add_eos_token`
  package var addsEOS: Bool?
  /// `tokenizer.ggml.add_space_prefix`
  package var addsSpacePrefix: Bool?

  package init(
    model: String, pre: String? = nil, vocabulary: Vocabulary, merges: ByteStrings? = nil,
    bos: Int? = nil, eos: Int? = nil, unknown: Int? = nil, addsBOS: Bool? = nil,
    addsEOS: Bool? = nil, addsSpacePrefix: Bool? = nil
  ) {
    self.model = model
    self.pre = pre
    self.vocabulary = vocabulary
    self.merges = merges
    self.bos = bos
    self.eos = eos
    self.unknown = unknown
    self.addsBOS = addsBOS
    self.addsEOS = addsEOS
    self.addsSpacePrefix = addsSpacePrefix
  }

  /// - Throws: `unsupported` for a model or pre-tokenizer of an unknown name, `inconsistent` when
  ///   a list is missing.
  package func makeTokenizer() throws(TokenizationError) -> any Tokenizer {
    switch model {
    case "gpt2":
      guard let merges else {
        throw TokenizationError(
          .inconsistent, "missing; a byte-level vocabulary needs its merges",
          subject: "tokenizer.ggml.merges")
      }
      let name = pre ?? "default"
      guard let rules = PreTokenizer(ggufName: name) else {
        throw TokenizationError(
          .unsupported,
          "unknown pre-tokenizer \"\(name)\"; known are among others \(Self.someNames)",
          subject: "tokenizer.ggml.pre")
      }
      return try BytePairTokenizer(
        vocabulary: vocabulary, merges: merges, preTokenizer: rules, bos: bos, eos: eos,
        addsBOS: addsBOS, addsEOS: addsEOS ?? false)
    case "llama":
      return try SentencePieceTokenizer(
        vocabulary: vocabulary, bos: bos ?? 1, eos: eos ?? 2, unknown: unknown,
        addsBOS: addsBOS ?? true, addsEOS: addsEOS ?? false,
        addsSpacePrefix: addsSpacePrefix ?? true)
    case "bert":
      return try WordPieceTokenizer(
        vocabulary: vocabulary, bos: bos, eos: eos, unknown: unknown, addsBOS: addsBOS ?? true,
        addsEOS: addsEOS ?? true)
    default:
      throw TokenizationError(
        .unsupported, "unknown tokenizer \"\(model)\"; known are gpt2, llama and bert",
        subject: "tokenizer.ggml.model")
    }
  }

  private static let someNames = "gpt-2, smollm, llama-bpe, qwen2, gpt-4o, tekken and deepseek-v3"
}
