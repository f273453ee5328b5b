/// A BERT encoder as data.
package struct EncoderConfiguration: Sendable, Equatable {
  package var hidden: Int
  package var heads: Int
  package var layers: Int
  package var feedForward: Int
  package var vocabulary: Int
  package var positions: Int
  package var normEpsilon: Float
  /// The most tokens of a text, [CLS] and [SEP] included; the rest of it is cut off.
  package var maximumTokens: Int
  package var pooling: Pooling

  /// How token vectors become one.
  package enum Pooling: String, Sendable {
    /// The mean of all tokens, [CLS] and [SEP] included.
    case mean
    /// The vector of [CLS].
    case first = "cls"
  }

  package var headSize: Int { hidden / heads }

  /// From `config.json`, and if present the `sentence_bert_config.json` and `1_Pooling/config.json`
  /// that sentence-transformers writes.
  init(_ config: JSONNode, sentence: JSONNode?, pooling: JSONNode?, path: String)
    throws(InferenceError)
  {
    func count(_ key: String, _ range: ClosedRange<Int>) throws(InferenceError) -> Int {
      guard let value = config[key]?.int, range.contains(value) else {
        throw InferenceError(
          .badMetadata, "expected a number from \(range.lowerBound) to \(range.upperBound)",
          subject: key, path: path)
      }
      return value
    }
    if let type = config["model_type"]?.text, type != "bert" {
      throw InferenceError(
        .unknownArchitecture, "encoder \"\(type)\" is not supported; supported: bert", path: path)
    }
    if let activation = config["hidden_act"]?.text, activation != "gelu" {
      throw InferenceError(
        .badMetadata, "expected \"gelu\", found \"\(activation)\"", subject: "hidden_act",
        path: path)
    }
    if let kind = config["position_embedding_type"]?.text, kind != "absolute" {
      throw InferenceError(
        .badMetadata, "expected \"absolute\", found \"\(kind)\"",
        subject: "position_embedding_type", path: path)
    }
    hidden = try count("hidden_size", 1...65_536)
    heads = try count("num_attention_heads", 1...1024)
    layers = try count("num_hidden_layers", 1...1024)
    feedForward = try count("intermediate_size", 1...1_048_576)
    vocabulary = try count("vocab_size", 1...2_000_000)
    positions = try count("max_position_embeddings", 2...1_000_000)
    normEpsilon = Float(config["layer_norm_eps"]?.double ?? 1e-12)
    guard hidden % heads == 0, hidden / heads <= 512 else {
      throw InferenceError(
        .badMetadata, "expected \(hidden) to be a multiple of \(heads) heads of at most 512",
        subject: "num_attention_heads", path: path)
    }
    maximumTokens = min(max(2, sentence?["max_seq_length"]?.int ?? 256), positions)
    self.pooling = try Self.pooling(pooling, path: path)
  }

  /// The one mode a pooling file turns on; the mean where there is no file.
  private static func pooling(_ file: JSONNode?, path: String) throws(InferenceError) -> Pooling {
    guard case .object(let members) = file else { return .mean }
    let prefix = "pooling_mode_"
    let modes = members.compactMap { key, value -> String? in
      let key = String(decoding: key, as: UTF8.self)
      return key.hasPrefix(prefix) && value.bool == true
        ? String(key.dropFirst(prefix.count)) : nil
    }
    switch modes.sorted() {
    case ["cls_token"]: return .first
    case ["mean_tokens"]: return .mean
    default:
      throw InferenceError(
        .badMetadata,
        "expected pooling by cls_token or mean_tokens, found \(modes.isEmpty ? "none" : modes.joined(separator: ", "))",
        subject: "1_Pooling/config.json", path: path)
    }
  }
}
