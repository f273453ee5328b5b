import Inference
import Registry
import Storage
import Tensors

/// Which installed model serves a role, in how much context, and why.
struct ModelChoice {
  let id: String
  /// The GGUF file of a decoder, the folder of an encoder.
  let path: String
  /// Tokens the gate allows; 0 for encoders.
  let context: Int
  /// What the gate expects it to take, in bytes.
  let needBytes: Int
  let route: Route

  /// The smallest context worth answering in: instructions, one passage, a question, an answer.
  static let smallestContext = 1024

  /// The model asked for, or the best installed one that fits in memory; stepped down in context
  /// before it is stepped down in rank.
  ///
  /// - Parameter credit: bytes that loaded models would free.
  /// - Throws: `.notInstalled` when there is nothing to choose from, `.doesNotFit` with the whole
  ///   arithmetic when nothing fits.
  static func decoder(
    _ wanted: String?, _ settings: WorkspaceSettings, credit: Int = 0
  ) throws -> ModelChoice {
    let registry = try ModelRegistry(modelsFolder: settings.models)
    var models = registry.candidates(for: .generate)
    if let wanted { models = [try find(wanted, role: .generate, in: registry)] }
    guard !models.isEmpty else {
      throw CarrelError(
        .notInstalled,
        "No model to answer with is installed in \(settings.models). `make models` fetches the "
          + "starter models; any GGUF file can be put there, or given with --model FILE.")
    }
    let decision = decide(models, settings, credit: credit)
    guard let choice = decision.choice, let model = models.first(where: { $0.id == choice.id })
    else {
      throw CarrelError(
        .doesNotFit,
        decision.explanation
          + "\nClose something, choose a smaller --context or model, or go on with --force.")
    }
    return ModelChoice(
      id: choice.id, path: model.path, context: choice.context, needBytes: choice.need.total,
      route: Route(choice: choice.id, reason: reason(wanted, decision, choice)))
  }

  /// Everything the gate would say, for `models why`.
  static func decide(
    _ models: [InstalledModel], _ settings: WorkspaceSettings, credit: Int = 0
  ) -> GateDecision {
    let candidates = models.compactMap { model -> MemoryGate.Candidate? in
      guard let header = model.header else { return nil }
      let need = exactNeed(of: model) ?? { header.estimatedNeed(context: $0) }
      return MemoryGate.Candidate(
        id: model.id, rank: model.rank,
        maximumContext: header.context ?? model.entry?.context ?? 2048, need: need)
    }
    return MemoryGate.decide(
      snapshot: .read(), candidates: candidates,
      context: settings.context ?? WorkspaceSettings.defaultContext, floor: smallestContext,
      credit: credit, force: settings.force)
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
      switch error.code {
      case .unknownModel, .notInstalled, .incomplete:
        throw CarrelError(.notInstalled, error.description)
      default: throw error
      }
    }
  }

  /// The network's own arithmetic, where its header can be read as one that Carrel runs.
  private static func exactNeed(
    of model: InstalledModel
  ) -> (@Sendable (_ context: Int) -> MemoryNeed)? {
    guard model.path.hasSuffix(".gguf"), let file = try? GGUFFile(path: model.path),
      let plan = try? DecoderConfiguration(file)
    else { return nil }
    let weights = file.tensors.values.reduce(0) { $0 + $1.bytes.count }
    let tokens = plan.vocabulary
    return { context in
      let terms = plan.memory(context: context, weightBytes: weights)
      // A token costs its bytes, its places in the hash tables and its merge: about 150 bytes.
      return MemoryNeed(
        weights: terms.weights, kv: terms.keyValue, scratch: terms.scratch,
        tokenizer: tokens * 150)
    }
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
