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
    _ = try? await host.decoder(settings.model)
  }

  /// Removes the files of an installed model that is not in use.
  /// - Returns: bytes that were freed.
  public func removeModel(_ id: String) async throws -> Int {
    throw CarrelError(.failed, "\(id): removing models is not there yet.")
  }
}
