import Compute
import Conversation
import FoundationEssentials
import Inference
import Storage
import Tensors
import Tokenization

/// What a model file says of itself.
public struct ModelDescription: Sendable, Codable {
  public let path: String
  /// `gguf` or `safetensors`.
  public let format: String
  public let architecture: String?
  public let name: String?
  public let sizeBytes: Int
  public let parameters: Int
  /// Element type → number of tensors.
  public let types: [String: Int]
  /// Key → value as text; long arrays are given by their length.
  public let metadata: [String: String]
  public let tensors: [TensorDescription]

  public struct TensorDescription: Sendable, Codable {
    public let name: String
    public let type: String
    /// Outermost first.
    public let shape: [Int]
    public let bytes: Int
  }
}

/// Ways to look into a model, for checking Carrel against a reference.
public enum Inspection {
  /// Reads the directory of a GGUF or safetensors file; no weights are touched.
  public static func describe(path: String) throws -> ModelDescription {
    if path.hasSuffix(".safetensors") {
      let file = try SafetensorsFile(path: path)
      return description(
        path: path, format: "safetensors", size: file.file.bytes.count, metadata: file.metadata,
        tensors: file.tensorNames.compactMap { file.tensors[$0] })
    }
    let file = try GGUFFile(path: path)
    let metadata = file.metadata.mapValues(\.summary)
    return description(
      path: path, format: "gguf", size: file.file.bytes.count, metadata: metadata,
      tensors: file.tensorNames.compactMap { file.tensors[$0] })
  }

  private static func description(
    path: String, format: String, size: Int, metadata: [String: String], tensors: [Tensor]
  ) -> ModelDescription {
    ModelDescription(
      path: path, format: format, architecture: metadata["general.architecture"],
      name: metadata["general.name"], sizeBytes: size,
      parameters: tensors.reduce(0) { $0 + $1.elementCount },
      types: tensors.reduce(into: [:]) { $0["\($1.type)", default: 0] += 1 },
      metadata: metadata,
      tensors: tensors.map {
        .init(name: $0.name, type: "\($0.type)", shape: $0.shape, bytes: $0.bytes.count)
      })
  }

  /// The logits after the last of `ids`, one for each token of the vocabulary.
  ///
  /// - Parameters:
  ///   - exact: use float activations instead of the fast kernels.
  ///   - keyValues: how keys and values are kept.
  public static func logits(
    path: String, ids: [Int32], exact: Bool = false, threads: Int? = nil,
    keyValues: CacheType = .q16
  ) throws -> LogitsReport {
    guard !ids.isEmpty else { throw CarrelError(.usage, "No token ids were given: --ids 1,2,3.") }
    let network = try DecoderModel.open(path: path)
    let size = network.configuration.vocabulary
    if let id = ids.first(where: { $0 < 0 || $0 >= size }) {
      throw CarrelError(
        .usage, "Token id \(id) is outside the vocabulary of \(path): 0 to \(size - 1).")
    }
    let pool = WorkerPool(threads: threads ?? WorkerPool.defaultThreadCount())
    let engine = Engine(pool: pool, kernels: exact ? .exact : .fast)
    let session = try DecodingSession(
      model: network, engine: engine, context: ids.count,
      cache: keyValues == .q8 ? .q8 : nil)
    _ = try session.sync(to: ids) { _, _ in true }
    return LogitsReport(logits: Array(session.logits)) { network.tokenizer.name(of: $0) }
  }
}

/// The next-token scores at one position.
public struct LogitsReport: Sendable {
  /// [vocabulary]
  public let logits: [Float]
  private let name: @Sendable (Int32) -> String

  init(logits: [Float], name: @escaping @Sendable (Int32) -> String) {
    self.logits = logits
    self.name = name
  }

  /// The highest `count` logits, ties by lower id.
  public func top(_ count: Int) -> [(id: Int32, text: String, logit: Float)] {
    logits.indices.sorted { (-logits[$0], $0) < (-logits[$1], $1) }.prefix(max(0, count)).map {
      (Int32($0), name(Int32($0)), logits[$0])
    }
  }
}

/// A model's tokenizer, opened without its network.
public struct TokenInspector: Sendable {
  private let tokenizer: any Tokenizer

  /// - Parameter path: a GGUF file, a folder with a `tokenizer.json`, or an `o200k_base.tiktoken`
  ///   vocabulary.
  public init(path: String) throws {
    tokenizer = try TokenizerSource.open(path: path)
  }

  /// - Parameter special: control tokens named in the text are parsed, and the begin and end tokens
  ///   the model expects are added; otherwise everything is plain text.
  public func encode(_ text: String, special: Bool) -> [Int32] {
    special
      ? tokenizer.encodeForModel(text, special: .parsed) : tokenizer.encode(text, special: .asText)
  }

  public func decode(_ ids: [Int32]) -> String { tokenizer.decode(ids) }
}

extension GGUFValue {
  /// The value as one line of text.
  fileprivate var summary: String {
    switch self {
    case .unsigned(let value): "\(value)"
    case .signed(let value): "\(value)"
    case .float(let value): "\(value)"
    case .bool(let value): "\(value)"
    case .string(let value): value
    case .array(let array):
      if let values = array.integers {
        values.count <= 16 ? "\(values)" : "[\(values.count) integers]"
      } else if let values = array.floats {
        values.count <= 16 ? "\(values)" : "[\(values.count) floats]"
      } else if let values = array.bools {
        values.count <= 64 ? "\(values)" : "[\(values.count) booleans]"
      } else {
        "[\(array.count) strings]"
      }
    }
  }
}
