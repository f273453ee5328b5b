import Compute
import Storage
import Synchronization
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
  /// Rows of the output matrix and of the embedding, which may be one: where the output is screened,
  /// read from the file.
  private let outputRows: MatrixRows
  let embeddingRows: MatrixRows
  /// Made when it is first asked for; nil within where it cannot be.
  private let screen = Mutex<OutputScreen??>(nil)

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
    (outputRows, embeddingRows) = Self.rows(weights, configuration)
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
    (outputRows, embeddingRows) = Self.rows(weights, configuration)
    weightBytes = weights.byteCount
    var parts = [file.file]
    for tensor in file.tensors.values where !parts.contains(where: { $0 === tensor.file }) {
      parts.append(tensor.file)
    }
    mappings = parts
    stamp = Self.stamp(of: parts.map(\.path))
    weightStarts = parts.map(file.firstWeight)
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

  private static func rows(
    _ weights: DecoderWeights, _ plan: DecoderConfiguration
  ) -> (output: MatrixRows, embedding: MatrixRows) {
    let output = MatrixRows(
      weights.output, isRead: OutputScreen.isWorthwhile(weights.output.type, plan))
    let isTied = weights.embedding.pointer == weights.output.pointer
    return (output, isTied ? output : MatrixRows(weights.embedding, isRead: false))
  }

  /// Whether sessions look for the likeliest tokens with a coarse output matrix.
  package func isScreened(_ kernels: KernelChoice) -> Bool {
    kernels == .fast && outputRows.unmapped != nil
      && OutputScreen.isWorthwhile(weights.output.type, configuration)
  }

  /// Whether the coarse output matrix is there.
  var hasScreen: Bool { screen.withLock { $0 != nil } }

  /// The coarse output matrix, made on the threads of the first engine that asks, from vectors like those
  /// it will be multiplied with.
  func screen(_ engine: Engine, typical: () -> [UnsafeBufferPointer<Float>]) -> OutputScreen? {
    screen.withLock { made in
      if let made { return made }
      let new = CoarseMatrix(outputRows, typical: typical(), engine: engine).map {
        OutputScreen(rows: outputRows, coarse: $0)
      }
      made = .some(new)
      return new
    }
  }

  /// What of the files is read again and again, so that it is worth having in memory before it is
  /// asked for: all but an output matrix that is screened.
  package func stretches(_ kernels: KernelChoice) -> [(file: MappedFile, range: Range<Int>)] {
    var stretches = zip(mappings, weightStarts).map { (file: $0, range: $1..<$0.bytes.count) }
    guard isScreened(kernels), let rows = outputRows.unmapped,
      let part = stretches.firstIndex(where: { $0.file === rows.file })
    else { return stretches }
    let range = stretches[part].range
    stretches[part].range = range.lowerBound..<rows.range.lowerBound
    stretches.append((rows.file, rows.range.upperBound..<range.upperBound))
    return stretches
  }

  /// Has the system read the rest of them, which is looked at in few places, into its cache.
  package func prefetch(_ kernels: KernelChoice) {
    if isScreened(kernels) { outputRows.prefetch() }
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
