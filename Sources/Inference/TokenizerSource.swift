import Storage
import Tensors
import Tokenization

/// Opens the tokenizer of a model file without its network.
package enum TokenizerSource {
  /// - Parameter path: a GGUF file, a folder with a `tokenizer.json` (WordPiece, or the one of a
  ///   gpt-oss checkpoint), or a bare `o200k_base.tiktoken` vocabulary (taken with the control tokens
  ///   of o200k_harmony).
  package static func open(path: String) throws -> any Tokenizer {
    if path.hasSuffix(".tiktoken") {
      let file = try MappedFile(path: path)
      return try withExtendedLifetime(file) {
        try BytePairTokenizer.o200kHarmony(tiktoken: file.bytes)
      }
    }
    let vocabulary = "\(path)/tokenizer.json"
    if FileStatus(path: vocabulary) != nil {
      let node = try JSONNode(file: vocabulary)
      return node["model"]?["type"]?.text == "BPE"
        ? try CheckpointTokenizer(gptOSS: node, path: vocabulary).tokenizer
        : try EncoderVocabulary(node, path: vocabulary).tokenizer
    }
    return try TokenizerReader(GGUFFile(path: path)).tokenizer()
  }
}
