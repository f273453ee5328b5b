import Compute
import Inference
import Retrieval
import Tokenization

/// Lets an encoder network serve as Retrieval's `Embedder`: the one place where the two meet.
struct EncoderEmbedder: Embedder {
  let identity: EmbedderIdentity
  private let encoder: EncoderModel
  private let worker: EncoderWorker
  /// Keeps the network in memory for as long as somebody holds this; nil in what the keeper holds.
  var lease: ModelLease?

  /// - Parameter sha256: of the weights file; part of the identity, so that vectors of different
  ///   weights are never compared.
  init(encoder: EncoderModel, engine: Engine, name: String, sha256: String) {
    self.encoder = encoder
    self.worker = EncoderWorker(encoder: encoder, engine: engine)
    self.identity = EmbedderIdentity(
      name: name, sha256: sha256, dimension: encoder.dimension,
      pooling: encoder.configuration.pooling.rawValue, prefix: "")
  }

  var maximumTokens: Int { encoder.maximumTokens }

  /// [CLS], one piece, [SEP].
  func knows(_ word: String) -> Bool { encoder.tokens(of: word).count == 3 }

  func pieces(of word: String) -> [Bool]? {
    encoder.tokenizer.encode(word).map { !encoder.tokenizer.isControl($0) }
  }

  func embed(_ texts: [String]) async throws -> [Float] {
    let stop = StopFlag()
    return try await withTaskCancellationHandler {
      try await worker.embed(texts, stop)
    } onCancel: {
      stop.raise()
    }
  }
}

/// Runs the encoder off the shared thread pool, one batch at a time.
private actor EncoderWorker {
  private let encoder: EncoderModel
  private let engine: Engine
  private let executor = SerialWorkExecutor(label: "carrel.embedding")

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(encoder: EncoderModel, engine: Engine) {
    self.encoder = encoder
    self.engine = engine
  }

  func embed(_ texts: [String], _ stop: StopFlag) throws -> [Float] {
    guard !stop.isRaised else { throw CancellationError() }
    return try encoder.embed(texts, engine: engine) { _, _ in !stop.isRaised }
  }
}
