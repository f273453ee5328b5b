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
  /// `tokenizer.chat_template` of the file, or the folder's `chat_template.jinja`.
  package let chatTemplate: String?
  package let name: String
  package let path: String
  /// Bytes of all weights, each counted once.
  package let weightBytes: Int
  /// Tokens that end a turn or a text, in ascending order.
  package let endTokens: [TokenID]
  /// The files the weights are read from, where they are used as they lie.
  package let mappings: [MappedFile]
  /// Name, size, time and place of the files as they were opened: another text means other weights.
  package let stamp: String
  /// Where in each of them the weights begin.
  private let weightStarts: [Int]
  let weights: DecoderWeights

  /// Opens a GGUF file, or a folder of safetensors (gpt-oss).
  package static func open(path: String) throws -> DecoderModel {
    guard FileStatus(path: "\(path)/config.json") == nil else {
      return try DecoderModel(GPTOSSCheckpoint(directory: path))
    }
    return try DecoderModel(GGUFFile(path: path))
  }

  init(_ checkpoint: GPTOSSCheckpoint) throws {
    path = checkpoint.directory
    configuration = try checkpoint.configuration()
    weights = try checkpoint.weights(configuration)
    weightBytes = weights.byteCount
    mappings = []
    stamp = Self.stamp(
      of: try Folder.names(in: path).filter {
        $0.hasSuffix(".safetensors") || $0.hasSuffix(".json")
      }
      .map { [path] in "\(path)/\($0)" })
    weightStarts = []
    let file = "\(path)/tokenizer.json"
    let tokenizer = try CheckpointTokenizer(gptOSS: JSONNode(file: file), path: file).tokenizer
    try Self.check(tokenizer, configuration, path)
    self.tokenizer = tokenizer
    let template = "\(path)/chat_template.jinja"
    chatTemplate =
      FileStatus(path: template) == nil
      ? nil : String(decoding: try SmallFile.read(template), as: UTF8.self)
    name = Self.baseName(path)
    endTokens = Self.endTokens(named: [tokenizer.eos], tokenizer)
  }

  package init(_ file: GGUFFile) throws {
    path = file.file.path
    var plan = try DecoderConfiguration(file)
    weights = try DecoderWeights(file, plan: &plan, path: path)
    configuration = plan
    weightBytes = weights.byteCount
    var parts = [file.file]
    for tensor in file.tensors.values where !parts.contains(where: { $0 === tensor.file }) {
      parts.append(tensor.file)
    }
    mappings = parts
    stamp = Self.stamp(of: parts.map(\.path))
    weightStarts = parts.map { part in
      file.tensors.values.filter { $0.file === part }.map(\.range.lowerBound).min() ?? 0
    }
    let tokenizer = try TokenizerReader(file).tokenizer()
    try Self.check(tokenizer, plan, path)
    self.tokenizer = tokenizer
    chatTemplate = file.metadata["tokenizer.chat_template"]?.string
    name = file.metadata["general.name"]?.string ?? Self.baseName(path)
    let keys = ["eos_token_id", "eot_token_id", "eom_token_id"]
    endTokens = Self.endTokens(
      named: keys.map {
        file.metadata["tokenizer.ggml.\($0)"]?.int.flatMap { TokenID(exactly: $0) }
      }, tokenizer)
    for part in parts { part.advise(.hugePages) }
    releaseHeaders()
    // Reading header and vocabulary took some megabytes for a while.
    PageMemory.releaseFreed()
  }

  /// Lets go of the pages before the weights: what the files say of themselves has been read.
  package func releaseHeaders() {
    for (file, start) in zip(mappings, weightStarts) { file.advise(.dontNeed, in: 0..<start) }
  }

  private static func stamp(of paths: [String]) -> String {
    paths.map { path in
      let status = FileStatus(path: path)
      return [
        status?.size ?? 0, Int(status?.modified ?? 0), Int(truncatingIfNeeded: status?.inode ?? 0),
      ]
      .reduce(path) { "\($0) \($1)" }
    }.joined(separator: "\n")
  }

  private static func baseName(_ path: String) -> String {
    let file = path.split(separator: "/").last.map(String.init) ?? path
    return GGUFFile.isName(file) ? String(file.dropLast(5)) : file
  }

  private static func check(
    _ tokenizer: any Tokenizer, _ plan: DecoderConfiguration, _ path: String
  ) throws(InferenceError) {
    guard tokenizer.vocabularySize <= plan.vocabulary else {
      throw InferenceError(
        .badTokenizer,
        "the tokenizer has \(tokenizer.vocabularySize) tokens, the network \(plan.vocabulary)",
        path: path)
    }
  }

  /// The ids the model names, and tokens that end a turn by their usual names.
  private static func endTokens(named ids: [TokenID?], _ tokenizer: any Tokenizer) -> [TokenID] {
    var ends = Set(
      ids.compactMap { $0 }.filter { $0 >= 0 && Int($0) < tokenizer.vocabularySize })
    for name in ControlNames.ends {
      if let id = tokenizer.id(named: name), tokenizer.isControl(id) { ends.insert(id) }
    }
    return ends.sorted()
  }
}
