import Compute
import Storage
import Tensors
import Tokenization

/// A decoder network with its weights and tokenizer: immutable, shared by any number of sessions.
///
/// Weights stay in the mapped file. Opening reads the header, binds every weight by name and shape,
/// and builds the tokenizer.
package final class DecoderModel: Sendable {
  package let configuration: DecoderConfiguration
  package let tokenizer: any Tokenizer
  /// `tokenizer.chat_template` of the file.
  package let chatTemplate: String?
  package let name: String
  package let path: String
  /// Bytes of all weights, each counted once.
  package let weightBytes: Int
  /// Tokens that end a turn or a text, in ascending order.
  package let endTokens: [TokenID]
  let weights: DecoderWeights

  /// Opens a GGUF file.
  package static func open(path: String) throws -> DecoderModel {
    try DecoderModel(GGUFFile(path: path))
  }

  package init(_ file: GGUFFile) throws {
    path = file.file.path
    var plan = try DecoderConfiguration(file)
    weights = try DecoderWeights(file, plan: &plan, path: path)
    configuration = plan
    weightBytes = weights.byteCount
    let tokenizer = try TokenizerReader(file).tokenizer()
    guard tokenizer.vocabularySize <= plan.vocabulary else {
      throw InferenceError(
        .badTokenizer,
        "the tokenizer has \(tokenizer.vocabularySize) tokens, the network \(plan.vocabulary)",
        path: path)
    }
    self.tokenizer = tokenizer
    chatTemplate = file.metadata["tokenizer.chat_template"]?.string
    name = file.metadata["general.name"]?.string ?? Self.baseName(path)
    endTokens = Self.endTokens(file, tokenizer)
    file.file.advise(.hugePages)
  }

  private static func baseName(_ path: String) -> String {
    let file = path.split(separator: "/").last.map(String.init) ?? path
    return file.hasSuffix(".gguf") ? String(file.dropLast(5)) : file
  }

  /// The ids the metadata names, and tokens that end a turn by their usual names.
  private static func endTokens(_ file: GGUFFile, _ tokenizer: any Tokenizer) -> [TokenID] {
    var ids: Set<TokenID> = []
    for key in ["eos_token_id", "eot_token_id", "eom_token_id"] {
      if let id = file.metadata["tokenizer.ggml.\(key)"]?.int, id >= 0,
        id < tokenizer.vocabularySize
      {
        ids.insert(TokenID(id))
      }
    }
    let names = [
      "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|endoftext|>",
      "<end_of_turn>", "<|return|>", "<|call|>",
    ]
    for name in names {
      if let id = tokenizer.id(named: name), tokenizer.isControl(id) { ids.insert(id) }
    }
    return ids.sorted()
  }
}
