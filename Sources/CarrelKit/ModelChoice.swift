import Compute
import Inference
import Registry
import Storage
import Tensors

/// Which installed model serves a role, in how much context, and why.
struct ModelChoice: Sendable {
  let id: String
  /// The name that finds it again: as it was asked for, or its id.
  let asked: String
  /// The GGUF file of a decoder, the folder of an encoder.
  let path: String
  /// Tokens the gate allows; 0 for encoders.
  let context: Int
  /// What the gate expects it to take, term by term.
  let need: MemoryNeed
  /// What there is, in one line, for the sentence when loading fails.
  let have: String
  var route: Route
  /// Idle models that must leave first.
  var outgoing: [String] = []
  /// What the user should know besides: a better model that could not be loaded.
  var notices: [String] = []

  /// What was needed, what there was and whose limit that is, for when it cannot be loaded.
  var numbers: String { "It needs \(need.arithmetic); there were \(have)" }

  /// The smallest context worth answering in: instructions, one passage, a question, an answer.
  static let smallestContext = 1024

  /// The model asked for, or the best installed one that fits in memory; stepped down in context
  /// before it is stepped down in rank. Idle models leave only where that allows a better one.
  ///
  /// - Parameter broken: models that could not be loaded just now.
  /// - Throws: `.notInstalled` when there is nothing to choose from, `.doesNotFit` with the whole
  ///   arithmetic when nothing fits.
  static func decoder(
    _ wanted: String?, _ settings: WorkspaceSettings, _ registry: ModelRegistry,
    _ ledger: ModelLedger, excluding broken: Set<String> = []
  ) throws -> ModelChoice {
    var models = registry.candidates(for: .generate)
    if let wanted { models = [try find(wanted, role: .generate, in: registry)] }
    models.removeAll { broken.contains($0.id) }
    guard !models.isEmpty else {
      let unread = registry.installed.filter { $0.role == .generate && !broken.contains($0.id) }
      if let error = AddressSpace.shortage(unread) { throw error }
      throw CarrelError(
        .notInstalled,
        "No \(broken.isEmpty ? "" : "other ")model to answer with is installed in "
          + "\(settings.models). `make models` fetches the "
          + "starter models; any GGUF file can be put there, or given with --model FILE.")
    }
    let idle = ledger.decoders.filter(\.isIdle).map(\.id)
    var decision = decide(models, settings, ledger)
    var outgoing: Set<String> = []
    for count in 1..<idle.count + 1 where !decision.refused.isEmpty && !decision.isForced {
      let leaving = Set(idle.prefix(count))
      let other = decide(models, settings, ledger.without(leaving))
      if other.refused.count < decision.refused.count { (decision, outgoing) = (other, leaving) }
    }
    guard let choice = decision.choice, let model = models.first(where: { $0.id == choice.id })
    else {
      throw CarrelError(
        .doesNotFit,
        decision.explanation
          + "\nClose something, choose a smaller --context or model, or go on with --force.")
    }
    outgoing.remove(choice.id)
    return ModelChoice(
      id: choice.id, asked: wanted ?? choice.id, path: model.path, context: choice.context,
      need: choice.need,
      have: decision.have.arithmetic,
      route: Route(choice: choice.id, reason: reason(wanted, decision, choice)),
      outgoing: idle.filter(outgoing.contains))
  }

  /// Everything the gate would say, for `models why`.
  static func decide(
    _ models: [InstalledModel], _ settings: WorkspaceSettings, _ ledger: ModelLedger
  ) -> GateDecision {
    let supposed = settings.supposedMemory.map { MemorySnapshot.supposing($0) }
    let snapshot = supposed ?? .read(root: settings.systemRoot)
    // What is locked is in memory, and what is mapped has addresses, whether or not it is looked at.
    let isWhole = settings.locksWeights || snapshot.limits.contains(where: \.countsAddresses)
    let candidates = models.compactMap { model -> MemoryGate.Candidate? in
      guard let header = model.header else { return nil }
      let need =
        exactNeed(of: model, settings, isWhole: isWhole) ?? { header.estimatedNeed(context: $0) }
      return MemoryGate.Candidate(
        id: model.id, rank: model.rank,
        maximumContext: header.context ?? model.entry?.context ?? 2048,
        need: { ledger.complete(need($0), of: model.id) })
    }
    return MemoryGate.decide(
      snapshot: snapshot, candidates: candidates,
      context: settings.context ?? WorkspaceSettings.defaultContext, floor: smallestContext,
      credit: supposed == nil ? ledger.held : 0, addressCredit: ledger.mappedAddresses,
      force: settings.force)
  }

  static func find(
    _ name: String, role: ModelRole, in registry: ModelRegistry
  ) throws -> InstalledModel {
    do {
      let model = try registry.find(name)
      guard model.role == role else {
        throw CarrelError(.usage, "\(name) is an embedding model; it cannot answer questions.")
      }
      return model
    } catch let error as RegistryError {
      if let model = registry.installed(named: name), let short = AddressSpace.shortage([model]) {
        throw short
      }
      switch error.code {
      case .unknownModel, .notInstalled, .incomplete:
        throw CarrelError(.notInstalled, error.description)
      default: throw error
      }
    }
  }

  /// The network's own arithmetic, where its header can be read as one that Carrel runs.
  private static func exactNeed(
    of model: InstalledModel, _ settings: WorkspaceSettings, isWhole: Bool
  ) -> (@Sendable (_ context: Int) -> MemoryNeed)? {
    guard GGUFFile.isName(model.path), let file = try? GGUFFile(path: model.path),
      let plan = try? DecoderConfiguration(file)
    else { return nil }
    // The whole file is mapped; its directory and vocabulary leave memory when they have been read.
    let weights =
      model.files.filter { GGUFFile.isName($0.name) }.reduce(0) { $0 + $1.size }
      - (isWhole ? 0 : file.firstWeight(in: file.file))
    let tokenizer = TokenizerMemory.bytes(file)
    let cache = settings.cacheElement
    let matrix =
      settings.exactKernels
      ? nil : file.tensor(named: "output.weight") ?? file.tensor(named: "token_embd.weight")
    // Numbers alone: a tensor would keep its file mapped for as long as the candidate lives.
    let output = matrix.map { (type: $0.type, bytes: $0.range.count) }
    return { context in
      let terms = plan.memory(
        context: context, weightBytes: weights, output: output, isWhole: isWhole, element: cache)
      return MemoryNeed(
        weights: terms.weights, kv: terms.keyValue, scratch: terms.scratch, tokenizer: tokenizer,
        snapshots: terms.checkpoints, kvType: cache.rawValue)
    }
  }

  /// What an embedding model takes while it works.
  static func embedderNeed(_ model: InstalledModel, engine: Engine) -> MemoryNeed {
    MemoryNeed(
      weights: EncoderModel.mappedBytes(directory: model.path, kernels: engine.kernels),
      scratch: EncoderModel.workingBytes(directory: model.path, threads: engine.pool.threads))
  }

  private static func reason(
    _ wanted: String?, _ decision: GateDecision, _ choice: GateDecision.Verdict
  ) -> String {
    if decision.isForced { return "forced, against the numbers: \(choice.reason)" }
    if wanted != nil { return "asked for; \(choice.reason)" }
    let refused = decision.refused.map { "\($0.id) \($0.reason)" }
    return "the best installed model that fits"
      + (choice.reason == "fits" ? "" : " (\(choice.reason))")
      + (refused.isEmpty ? "" : "; " + refused.joined(separator: "; "))
  }
}
