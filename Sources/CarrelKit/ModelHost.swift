import Compute
import FoundationEssentials
import Inference
import Registry
import Retrieval

/// Holds what is loaded: one engine, one encoder, decoders by id. One load in flight at a time, on
/// an executor of its own, so that opening a model never delays the prompt.
actor ModelHost {
  private let settings: WorkspaceSettings
  nonisolated let engine: Engine
  private var decoders: [String: LoadedModel] = [:]
  private var encoder: EncoderEmbedder?
  private let executor = SerialWorkExecutor(label: "carrel.models")

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(_ settings: WorkspaceSettings) {
    self.settings = settings
    let pool = WorkerPool(threads: settings.threads ?? WorkerPool.defaultThreadCount())
    self.engine = Engine(pool: pool, kernels: settings.exactKernels ? .exact : .fast)
  }

  /// The network to answer with, loaded, and why it was chosen.
  func decoder(_ wanted: String?) throws -> (LoadedModel, Route) {
    let choice = try ModelChoice.decoder(wanted, settings)
    if let loaded = decoders[choice.id] { return (loaded, choice.route) }
    let network = try DecoderModel.open(path: choice.path)
    let context = min(choice.context, network.configuration.contextLength)
    let loaded = LoadedModel(
      id: choice.id, network: network, engine: engine, context: context)
    decoders[choice.id] = loaded
    return (loaded, choice.route)
  }

  /// Ids of the decoders that are loaded.
  var loaded: [String] { decoders.keys.sorted() }

  /// The installed encoder, loaded; nil when none is installed.
  func embedder() throws -> EncoderEmbedder? {
    if let encoder { return encoder }
    let registry = try ModelRegistry(modelsFolder: settings.models)
    guard let model = registry.candidates(for: .embed).first else { return nil }
    let network = try EncoderModel.open(directory: model.path)
    let embedder = EncoderEmbedder(
      encoder: network, engine: engine, name: model.id,
      sha256: try WeightsDigest.hex(of: model, registry: registry))
    encoder = embedder
    return embedder
  }
}
