import FoundationEssentials
import Registry

extension Workspace {
  /// Every step of every model from now on, with its reason.
  public func modelEvents() -> AsyncStream<ModelEvent> { host.keeper.events() }

  /// Every known model: what the catalogue and the folders know, and what is in memory.
  public func modelStates() async -> [ModelStatus] {
    guard let registry = try? ModelRegistry(modelsFolder: settings.models) else { return [] }
    let lifecycle = host.keeper.lifecycle
    return registry.list().map { listing in
      let entry = lifecycle.entries[listing.id]
      let isUsable = listing.model?.isUsable ?? false
      let state: ModelState
      switch (entry?.state, listing.model?.state) {
      // What is on the disk now counts more than what was.
      case (nil, _) where isUsable, (.installed?, _) where isUsable,
        (.notInstalled?, _) where isUsable:
        state = .installed
      case (nil, .damaged(let why)?), (nil, .unsupported(let why)?): state = .failed(why)
      case (nil, _), (.installed?, _), (.notInstalled?, _): state = .notInstalled
      case (let known?, _): state = known
      }
      return ModelStatus(
        id: listing.id, role: listing.role.rawValue, state: state, bytes: entry?.charge ?? 0,
        uses: entry?.uses ?? 0)
    }
  }

  /// Loads a model into memory: an id, an alias or a path.
  /// - Throws: as `makeSession`: not installed, or it does not fit, with the arithmetic.
  public func load(_ id: String) async throws {
    _ = try await host.decoder(id)
  }

  /// Lets go of a model, or of all (nil). Answers in flight end first; sessions stay usable and load
  /// it again with their next question.
  /// - Returns: the ids of what was unloaded.
  @discardableResult
  public func unload(_ id: String? = nil) async -> [String] {
    var unloaded: [String] = []
    for loaded in host.loaded where id == nil || loaded == id {
      if await host.keeper.unload(loaded, reason: "asked for") { unloaded.append(loaded) }
    }
    return unloaded
  }

  /// Loads the model that would answer and the embedding model, and reads their pages from the disk,
  /// so that the first question need not. Does nothing where none fits or none is installed.
  public func warmUp() async {
    _ = try? await host.embedder()
    guard let (model, _) = try? await host.decoder(settings.model) else { return }
    await model.warmUp.wait()
  }

  /// What `removeModel` would remove: its files, and the bytes of the disk that become free.
  public func removalPlan(_ id: String) throws -> (files: [String], bytes: Int) {
    let plan = try removal(of: id).plan
    return (plan.paths, plan.bytes)
  }

  /// Removes the files of an installed model, in the models folder or the Hugging Face cache: only
  /// those that Carrel knows to be its own and nothing else needs. Lets go of the model first.
  /// - Returns: bytes that were freed.
  public func removeModel(_ id: String) async throws -> Int {
    let (id, plan) = try removal(of: id)
    await host.keeper.unload(id, reason: "its files are removed")
    let freed = try plan.remove()
    for path in plan.paths { snapshots?.remove(model: path) }
    host.keeper.record { _ = $0.removed(id, reason: "its files were removed") }
    return freed
  }

  private func removal(of name: String) throws -> (id: String, plan: ModelRemoval) {
    let registry = try ModelRegistry(modelsFolder: settings.models)
    guard let model = registry.installed(named: name) else {
      throw CarrelError(
        .notInstalled, "No model \(name) is installed. `carrel models` lists what is.")
    }
    let plan = try ModelRemoval(
      model, modelsFolder: settings.models, cache: HubCache.standard(ModelRegistry.environment))
    return (model.id, plan)
  }
}
