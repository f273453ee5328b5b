import Compute
import Storage
import Synchronization
import Tensors
import Tokenization

/// A BERT sentence encoder: texts in, unit vectors out. Immutable, shared freely.
package final class EncoderModel: Sendable {
  package let configuration: EncoderConfiguration
  package let tokenizer: any Tokenizer
  /// The folder's name.
  package let name: String
  /// The weight file, whose hash identifies the model.
  package let weightsPath: String
  package let weightBytes: Int
  /// The weight file itself.
  package let mapping: MappedFile
  let weights: EncoderWeights
  /// Where in it each layer's matrices lie.
  private let layerRanges: [Range<Int>]
  /// The copy of the weights in bytes, made when the fast kernels first need it.
  private let packed = Mutex<EncoderLayers?>(nil)

  /// Floats of an embedding.
  package var dimension: Int { configuration.hidden }
  /// The most tokens of a text, [CLS] and [SEP] included.
  package var maximumTokens: Int { configuration.maximumTokens }

  /// Opens a folder with `model.safetensors`, `tokenizer.json` and `config.json`, as
  /// sentence-transformers writes it.
  package static func open(directory: String) throws -> EncoderModel {
    try EncoderModel(directory: directory)
  }

  private init(directory: String) throws {
    func read(_ file: String) throws -> JSONNode { try JSONNode(file: "\(directory)/\(file)") }
    configuration = try EncoderConfiguration(
      try read("config.json"),
      sentence: try .ifPresent(file: "\(directory)/sentence_bert_config.json"),
      pooling: try .ifPresent(file: "\(directory)/1_Pooling/config.json"),
      path: "\(directory)/config.json")
    weightsPath = "\(directory)/model.safetensors"
    let file = try SafetensorsFile(path: weightsPath)
    weights = try EncoderWeights(file, plan: configuration, path: weightsPath)
    weightBytes = file.file.bytes.count
    mapping = file.file
    layerRanges = (0..<configuration.layers).map { layer in
      let ranges = Self.matrices(of: file).filter { $0.name.contains("encoder.layer.\(layer).") }
        .map(\.range)
      let end = ranges.map(\.upperBound).max() ?? 0
      return (ranges.map(\.lowerBound).min() ?? end)..<end
    }
    let vocabulary = "\(directory)/tokenizer.json"
    let tokenizer = try EncoderVocabulary(try read("tokenizer.json"), path: vocabulary).tokenizer
    guard tokenizer.vocabularySize <= configuration.vocabulary else {
      throw InferenceError(
        .badTokenizer,
        "the tokenizer has \(tokenizer.vocabularySize) tokens, the network "
          + "\(configuration.vocabulary)", path: vocabulary)
    }
    self.tokenizer = tokenizer
    name = directory.split(separator: "/").last.map(String.init) ?? directory
  }

  /// The tokens of a text as the network reads it: [CLS] text [SEP], cut to `maximumTokens`.
  ///
  /// Names of special tokens in the text become those tokens, as in the reference: a vector obeys no
  /// instructions, so there is nothing to protect.
  package func tokens(of text: String) -> [TokenID] {
    tokenizer.encodeForModel(text, special: .parsed, limit: maximumTokens)
  }

  /// Embeds texts: [text][dimension], each of length 1.
  ///
  /// Texts of like length are evaluated together; a vector does not depend on its company.
  /// - Parameter progress: told how many texts are done; false stops the work.
  /// - Throws: `CancellationError` when `progress` stopped it.
  package func embed(
    _ texts: [String], engine: Engine,
    progress: (_ done: Int, _ total: Int) -> Bool = { _, _ in true }
  ) throws -> [Float] {
    let sequences = tokens(of: texts, pool: engine.pool)
    let order = sequences.indices.sorted {
      (sequences[$0].count, $0) < (sequences[$1].count, $1)
    }
    var result = [Float](repeating: 0, count: texts.count * dimension)
    let longest = order.last.map { sequences[$0].count } ?? 0
    let total = sequences.reduce(0) { $0 + $1.count }
    guard longest > 0 else { return result }
    let pass = EncoderPass(
      self, layers: layers(for: engine), engine: engine,
      batch: min(total, max(longest, EncoderPass.batchTokens)))
    var next = 0
    while next < order.count {
      guard progress(next, texts.count) else { throw CancellationError() }
      var batch: [Int] = []
      var count = 0
      while next < order.count, count + sequences[order[next]].count <= pass.batch {
        batch.append(order[next])
        count += sequences[order[next]].count
        next += 1
      }
      pass.run(batch.map { sequences[$0] })
      for (slot, text) in batch.enumerated() {
        result.withUnsafeMutableBufferPointer {
          guard let base = $0.baseAddress else { return }
          pass.pool(slot, into: base + text * dimension)
        }
      }
    }
    guard progress(texts.count, texts.count) else { throw CancellationError() }
    return result
  }

  /// The weights as an engine's kernels read them. The floats of layers that have been copied leave
  /// memory, the kernel may fetch them again.
  private func layers(for engine: Engine) -> EncoderLayers {
    guard engine.kernels == .fast else { return EncoderLayers(weights, engine: engine) }
    return packed.withLock {
      let layers =
        $0
        ?? EncoderLayers(weights, engine: engine) { mapping.advise(.dontNeed, in: layerRanges[$0]) }
      $0 = layers
      return layers
    }
  }

  /// The matrices of the layers: what the fast kernels have a copy of.
  private static func matrices(of file: SafetensorsFile) -> [Tensor] {
    file.tensors.values.filter { $0.name.contains("encoder.layer.") && $0.shape.count == 2 }
  }

  /// Bytes of the weight file that stay in memory: with the fast kernels all but the layers' matrices.
  package static func mappedBytes(directory: String, kernels: KernelChoice) -> Int {
    guard let file = try? SafetensorsFile(path: "\(directory)/model.safetensors") else { return 0 }
    guard kernels == .fast else { return file.file.bytes.count }
    return matrices(of: file).reduce(file.file.bytes.count) { $0 - $1.range.count }
  }

  /// Reads what of the weight file stays in memory, as embedding every word there is would.
  package func touchTables() {
    var start = 0
    for layer in layerRanges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      mapping.readAhead(in: start..<max(start, layer.lowerBound))
      start = max(start, layer.upperBound)
    }
    mapping.readAhead(in: start..<mapping.bytes.count)
  }

  /// The tokens of each text, cut on all threads.
  private func tokens(of texts: [String], pool: WorkerPool) -> [[TokenID]] {
    var sequences = [[TokenID]](repeating: [], count: texts.count)
    sequences.withUnsafeMutableBufferPointer { slots in
      // Each chunk writes its own slots only.
      nonisolated(unsafe) let slots = slots
      let perChunk = 4
      pool.run(chunks: (texts.count + perChunk - 1) / perChunk) { chunk in
        for index in chunk * perChunk..<min(texts.count, (chunk + 1) * perChunk) {
          slots[index] = tokens(of: texts[index])
        }
      }
    }
    return sequences
  }

  /// Bytes without a file behind them that an encoder takes while it works: activations of a full
  /// batch and the vocabulary. 0 for a folder that cannot be read as one.
  package static func workingBytes(directory: String, threads: Int = 1) -> Int {
    guard let config = try? JSONNode(file: "\(directory)/config.json"),
      let plan = try? EncoderConfiguration(
        config, sentence: nil, pooling: nil, path: "\(directory)/config.json")
    else { return 0 }
    // The tree that its JSON is read into, about twenty times the file, is let go of before the first
    // text: the larger of the two counts.
    let tree = 20 * (FileStatus(path: "\(directory)/tokenizer.json")?.size ?? 0)
    let work = EncoderPass.byteCount(plan, batch: EncoderPass.batchTokens, threads: threads)
    return max(tree, work) + TokenizerMemory.wordPiece(tokens: plan.vocabulary)
  }
}
