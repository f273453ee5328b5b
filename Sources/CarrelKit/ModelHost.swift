import Compute
import FoundationEssentials
import Inference
import Registry
import Retrieval
import Synchronization

/// Holds what is loaded: one engine, one encoder, decoders by id. Loading runs on an executor of its
/// own, so that opening a model never delays the prompt.
///
/// Answers in flight keep their model (`use`). A model nobody uses is let go of when it has been idle
/// for `keepAlive`, when memory is short, or when it is asked for; sessions then drop what they hold
/// of it and take it up again with the next question.
actor ModelHost {
  /// What the keeper keeps.
  enum Held: Sendable {
    case decoder(LoadedModel)
    case encoder(EncoderEmbedder)
  }

  private let settings: WorkspaceSettings
  nonisolated let engine: Engine
  nonisolated let keeper: ModelKeeper<Held>
  nonisolated let sessions = SessionList()
  private let executor = SerialWorkExecutor(label: "carrel.models")
  private var encoderID: String?
  private var watch: Task<Void, Never>?

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(_ settings: WorkspaceSettings) {
    self.settings = settings
    let pool = WorkerPool(threads: settings.threads ?? WorkerPool.defaultThreadCount())
    self.engine = Engine(pool: pool, kernels: settings.exactKernels ? .exact : .fast)
    let sessions = sessions
    self.keeper = ModelKeeper(letGo: { id in await sessions.letGo(of: id) })
  }

  deinit { watch?.cancel() }

  // MARK: Decoders

  /// The network to answer with, loaded, and why it was chosen. It may be let go of as soon as this
  /// returns; `use` keeps it.
  func decoder(_ wanted: String?) async throws -> (LoadedModel, ModelChoice) {
    let choice = try ModelChoice.decoder(wanted, settings)
    let (model, lease) = try await load(choice)
    lease.end()
    return (model, choice)
  }

  /// The same model as before, loaded again if it was let go of, and kept until the lease ends.
  func use(_ choice: ModelChoice) async throws -> (LoadedModel, ModelLease) {
    try await load(choice)
  }

  private func load(_ choice: ModelChoice) async throws -> (LoadedModel, ModelLease) {
    let engine = engine
    let held = try await keeper.use(
      choice.id, charge: choice.needBytes, reason: choice.route.reason
    ) {
      .decoder(try LoadedModel.open(choice, engine: engine))
    }
    watchOver()
    guard case .decoder(let model) = held else {
      keeper.endUse(choice.id)
      throw CarrelError(.usage, "\(choice.id) is an embedding model; it cannot answer questions.")
    }
    return (model, ModelLease(keeper: keeper, id: choice.id))
  }

  /// Ids of the models that are loaded.
  nonisolated var loaded: [String] { keeper.lifecycle.resident }

  // MARK: The encoder

  /// The installed encoder, loaded; nil when none is installed.
  func embedder() async throws -> EncoderEmbedder? {
    if let encoderID, case .encoder(let embedder)? = keeper.resource(encoderID) { return embedder }
    let registry = try ModelRegistry(modelsFolder: settings.models)
    guard let model = registry.candidates(for: .embed).first else { return nil }
    let engine = engine
    let held = try await keeper.use(
      model.id, charge: model.sizeBytes, reason: "the best installed embedding model"
    ) {
      let network = try EncoderModel.open(directory: model.path)
      return .encoder(
        EncoderEmbedder(
          encoder: network, engine: engine, name: model.id,
          sha256: try WeightsDigest.hex(of: model, registry: registry)))
    }
    keeper.endUse(model.id)
    watchOver()
    encoderID = model.id
    guard case .encoder(let embedder) = held else { return nil }
    return embedder
  }

  // MARK: Letting go

  /// Looks every few seconds whether something should be let go of, while something is loaded.
  private func watchOver() {}
}

/// One answer's hold on a loaded model; ends with `end`, at the latest when it is dropped.
final class ModelLease: Sendable {
  private let keeper: ModelKeeper<ModelHost.Held>
  private let id: String
  private let hasEnded = Mutex(false)

  init(keeper: ModelKeeper<ModelHost.Held>, id: String) {
    self.keeper = keeper
    self.id = id
  }

  func end() {
    let first = hasEnded.withLock { ended in
      defer { ended = true }
      return !ended
    }
    if first { keeper.endUse(id) }
  }

  deinit { end() }
}

/// The sessions that hold something of a model. They are not kept alive by it.
final class SessionList: Sendable {
  private struct Entry {
    weak var session: GenerationSession?
  }
  private let entries = Mutex<[ObjectIdentifier: Entry]>([:])

  func add(_ session: GenerationSession) {
    entries.withLock { entries in
      for (key, entry) in entries where entry.session == nil { entries[key] = nil }
      entries[ObjectIdentifier(session)] = Entry(session: session)
    }
  }

  /// Makes every session of a model drop its network and its timeline.
  func letGo(of id: String) async {
    let sessions = entries.withLock { $0.values.compactMap(\.session) }
    for session in sessions { await session.letGo(of: id) }
  }
}
