import Storage
import Tensors
import Tokenization

/// Builds the tokenizer a GGUF file describes.
struct TokenizerReader {
  private let file: GGUFFile

  init(_ file: GGUFFile) { self.file = file }

  private func value(_ key: String) -> GGUFValue? { file.metadata["tokenizer.ggml.\(key)"] }

  func tokenizer() throws -> any Tokenizer {
    let path = file.file.path
    guard let model = value("model")?.string, let tokens = value("tokens")?.strings else {
      throw InferenceError(
        .badTokenizer, "expected a tokenizer, found no tokenizer.ggml.model and .tokens",
        path: path)
    }
    do throws(TokenizationError) {
      let vocabulary = try Vocabulary(
        count: tokens.count, bytes: { tokens[$0] }, scores: value("scores")?.floats,
        types: kinds(of: tokens))
      let description = TokenizerDescription(
        model: model, pre: value("pre")?.string, vocabulary: vocabulary,
        merges: try merges(),
        bos: value("bos_token_id")?.int, eos: value("eos_token_id")?.int,
        unknown: value("unknown_token_id")?.int, addsBOS: value("add_bos_token")?.bool,
        addsEOS: value("add_eos_token")?.bool, addsSpacePrefix: value("add_space_prefix")?.bool)
      return try description.makeTokenizer()
    } catch {
      throw InferenceError(.badTokenizer, error.message, subject: error.subject, path: path)
    }
  }

  /// The kinds the file gives, but that what chat formats write by id is control.
  private func kinds(of tokens: GGUFStrings) -> [Int32]? {
    let given = value("token_type")?.integers?.map { Int32(truncatingIfNeeded: $0) }
    guard var kinds = given else { return nil }
    let named = ["bos_token_id", "eos_token_id"].map { value($0)?.int }
    for i in kinds.indices.prefix(tokens.count)
    where kinds[i] == Vocabulary.Kind.userDefined.rawValue {
      let name = String(decoding: tokens[i], as: UTF8.self)
      if named.contains(i) || ControlNames.all.contains(name) {
        kinds[i] = Vocabulary.Kind.control.rawValue
      }
    }
    return kinds
  }

  private func merges() throws(TokenizationError) -> ByteStrings? {
    guard let merges = value("merges")?.strings else { return nil }
    return try ByteStrings(count: merges.count) { merges[$0] }
  }
}
