import Storage
import Tensors
import Tokenization

/// Opens the tokenizer of a model file without its network.
package enum TokenizerSource {
  /// - Parameter path: a GGUF file, or a bare `o200k_base.tiktoken` vocabulary (taken with the
  ///   control tokens of o200k_harmony).
  package static func open(path: String) throws -> any Tokenizer {
    if path.hasSuffix(".tiktoken") {
      let file = try MappedFile(path: path)
      return try BytePairTokenizer.o200kHarmony(tiktoken: file.bytes)
    }
    return try TokenizerReader(GGUFFile(path: path)).tokenizer()
  }
}
