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
/// for `keepAlive`, when memory is short, when a better model needs its room, or when it is asked for;
/// sessions then drop what they hold of it and take it up again with the next question.
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
  /// The encoder that was found last, and what it may take.
  private var encoder: (model: InstalledModel, registry: ModelRegistry, charge: Int)?
  private var watch: Task<Void, Never>?

  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  init(_ settings: WorkspaceSettings) {
    self.settings = settings
    _ = ModelLedger.process
    let pool = WorkerPool(threads: settings.threads ?? WorkerPool.defaultThreadCount())
    self.engine = Engine(pool: pool, kernels: settings.exactKernels ? .exact : .fast)
    let sessions = sessions
    self.keeper = ModelKeeper(letGo: { id in await sessions.letGo(of: id) })
  }

  deinit { watch?.cancel() }

  // MARK: Decoders

  /// The network to answer with, loaded, and why it was chosen. It may be let go of as soon as this
  /// returns; `use` keeps it.
  ///
  /// Where the gate chose a model and it cannot be loaded, the next one that fits is taken, once, and
  /// the choice says so; a model that was asked for by name has no substitute.
  func decoder(_ wanted: String?) async throws -> (LoadedModel, ModelChoice) {
    let (model, choice, lease) = try await load(wanted, settings)
    lease.end()
    return (model, choice)
  }

  /// The model of a session, kept until the lease ends. The gate is asked again if it was let go of:
  /// there may be less memory now, and so a smaller context.
  func use(_ choice: ModelChoice) async throws -> (LoadedModel, ModelLease) {
    var settings = settings
    settings.context = choice.context
    let (model, _, lease) = try await load(choice.asked, settings, known: choice)
    return (model, lease)
  }

  private func load(
    _ wanted: String?, _ settings: WorkspaceSettings, known: ModelChoice? = nil
  ) async throws -> (LoadedModel, ModelChoice, ModelLease) {
    if let known, case .decoder(let model)? = keeper.resource(known.id),
      keeper.lifecycle.state(of: known.id) == .ready
    {
      var known = known
      known.outgoing = []
      return (model, known, try await take(known).1)
    }
    let registry = try ModelRegistry(modelsFolder: settings.models)
    let first = try ModelChoice.decoder(wanted, settings, registry, ledger(registry))
    do {
      let (model, lease) = try await take(first)
      return (model, first, lease)
    } catch let failure as CarrelError where wanted == nil && failure.code == .failed {
      var second: ModelChoice
      do {
        second = try ModelChoice.decoder(
          nil, settings, registry, ledger(registry), excluding: [first.id])
      } catch { throw CarrelError(.failed, "\(failure.message)\n\(error)") }
      second.notices = [failure.message + "; \(second.id) answers instead"]
      second.route = Route(
        choice: second.id, reason: failure.message + "; instead " + second.route.reason)
      let (model, lease) = try await take(second)
      return (model, second, lease)
    }
  }

  /// Loads a choice, after those that have to leave for it.
  private func take(_ choice: ModelChoice) async throws -> (LoadedModel, ModelLease) {
    for id in choice.outgoing {
      await keeper.unload(id, reason: "makes room for \(choice.id)", waiting: false)
    }
    let engine = engine
    let cache = settings.cacheElement
    let locking = settings.locksWeights
    let held = try await keeper.use(
      choice.id, charge: choice.need.own, reason: choice.route.reason
    ) {
      do {
        return .decoder(
          try LoadedModel.open(choice, engine: engine, cache: cache, locking: locking))
      } catch {
        throw CarrelError(
          .failed,
          "\(choice.id) could not be loaded: \(error). \(choice.numbers)")
      }
    }
    watchOver()
    guard case .decoder(let model) = held else {
      keeper.endUse(choice.id)
      throw CarrelError(.usage, "\(choice.id) is an embedding model; it cannot answer questions.")
    }
    return (model, ModelLease(keeper: keeper, id: choice.id))
  }

  /// What is in memory now, for the gate.
  nonisolated func ledger(_ registry: ModelRegistry) -> ModelLedger {
    var ledger = ModelLedger()
    let lifecycle = keeper.lifecycle
    let encoders = Set(registry.candidates(for: .embed).map(\.id))
    let decoders = lifecycle.resident.filter { !encoders.contains($0) }
    let idle = lifecycle.idle.filter(decoders.contains)
    ledger.decoders = (idle + decoders.filter { !idle.contains($0) }).compactMap { id in
      lifecycle.entries[id].map {
        ModelLedger.Resident(id: id, charge: $0.charge, isIdle: idle.contains(id))
      }
    }
    if let encoder = registry.candidates(for: .embed).first {
      let need = ModelChoice.embedderNeed(encoder, engine: engine)
      ledger.embedder = MemoryNeed(
        embedder: need.total, index: vectorBytes(), embedderMapped: need.weights)
    }
    return ledger
  }

  nonisolated private func vectorBytes() -> Int {
    let index = try? DocumentIndex.open(folder: settings.index, readOnly: true)
    return (try? index?.vectorBytes()) ?? 0
  }

  /// Ids of the models that are loaded.
  nonisolated var loaded: [String] { keeper.lifecycle.resident }

  // MARK: The encoder

  private var isEncoderReady: Bool {
    encoder.map { keeper.lifecycle.state(of: $0.model.id) == .ready } ?? false
  }

  /// The encoder, if it is in memory: for what is not worth loading it.
  func loadedEmbedder() async -> EncoderEmbedder? {
    isEncoderReady ? try? await embedder() : nil
  }

  /// The installed encoder, loaded; nil when none is installed. It stays until what this returns is
  /// dropped.
  func embedder() async throws -> EncoderEmbedder? {
    let engine = engine
    if !isEncoderReady {
      let registry = try ModelRegistry(modelsFolder: settings.models)
      guard let model = registry.candidates(for: .embed).first else { return nil }
      let need = ModelChoice.embedderNeed(model, engine: engine)
      encoder = (model, registry, need.own)
    }
    guard let (model, registry, charge) = encoder else { return nil }
    let held = try await keeper.use(
      model.id, charge: charge, reason: "the best installed embedding model"
    ) {
      let network = try EncoderModel.open(directory: model.path)
      return .encoder(
        EncoderEmbedder(
          encoder: network, engine: engine, name: model.id,
          sha256: try WeightsDigest.hex(of: model, registry: registry)))
    }
    let lease = ModelLease(keeper: keeper, id: model.id)
    watchOver()
    guard case .encoder(var embedder) = held else { return nil }
    embedder.lease = lease
    return embedder
  }

  // MARK: Letting go

  /// Looks every few seconds whether something should be let go of.
  private func watchOver() {
    guard watch == nil else { return }
    let keepAlive = settings.keepAlive
    let root = settings.systemRoot
    watch = Task.detached { [keeper] in
      while !Task.isCancelled {
        let next = keepAlive.flatMap { keeper.nextIdle(after: $0) } ?? 5
        do { try await Task.sleep(for: .seconds(min(5, max(0.1, next)))) } catch { return }
        await keeper.tidy(
          keepAlive: keepAlive, pressure: MemoryPressure.read(root: root).complaint)
      }
    }
  }
}

/// The hold of one answer, search or indexing run on a loaded model; ends with `end`, at the latest when
/// it is dropped.
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
