import Conversation
import Glibc
import Registry

extension Workspace {
  /// Installed models, then those the catalogue knows besides, then those of other machines.
  public func models() throws -> [ModelListing] {
    let registry = try ModelRegistry(modelsFolder: settings.models)
    let decision = ModelChoice.decide(
      registry.candidates(for: .generate), settings, host.ledger(registry))
    let fitting = Dictionary(decision.verdicts.map { ($0.id, $0.fits) }) { first, _ in first }
    let lifecycle = host.keeper.lifecycle
    return registry.list().map { listing in
      var problem: String?
      switch listing.model?.state {
      case .damaged(let sentence), .unsupported(let sentence): problem = sentence
      case .incomplete(let names): problem = "missing " + names.joined(separator: ", ")
      default: break
      }
      var state = listing.state
      if let now = lifecycle.entries[listing.id]?.state, now != .installed, now != .notInstalled {
        state = now.name
        if case .failed(let sentence) = now { problem = sentence }
      }
      return ModelListing(
        id: listing.id, role: listing.role.rawValue, state: state,
        path: listing.model?.path, sizeBytes: listing.model?.sizeBytes, fits: fitting[listing.id],
        architecture: listing.model?.header?.architecture ?? listing.entry?.architecture,
        quantization: listing.model?.header?.quantization ?? listing.entry?.quantization,
        licence: listing.entry?.licence, chat: Self.chat(listing), host: nil, problem: problem)
    } + remoteModels()
  }

  /// How a model is spoken to, as far as its header tells.
  private static func chat(_ listing: ModelRegistry.Listing) -> String? {
    guard listing.role == .generate else { return nil }
    guard let header = listing.model?.header else { return listing.entry?.chat }
    let family = ChatFamily.named(
      template: header.chatTemplate, architecture: header.architecture)
    return family?.rawValue ?? "unknown"
  }

  /// The servers that `endpoints.json` names. A file that makes no sense is one line of the list, not
  /// the end of it.
  private func remoteModels() -> [ModelListing] {
    func listing(_ id: String, _ state: String, host: String?, problem: String?) -> ModelListing {
      ModelListing(
        id: id, role: ModelRole.generate.rawValue, state: state, path: nil, sizeBytes: nil,
        fits: nil, architecture: nil, quantization: nil, licence: nil, chat: nil, host: host,
        problem: problem)
    }
    do {
      return try RemoteEndpoint.configured(inFolder: settings.models).map {
        listing($0.id, "remote", host: $0.url.host, problem: nil)
      }
    } catch { return [listing("endpoints.json", "damaged", host: nil, problem: "\(error)")] }
  }

  /// The newest decisions about which model answers, the newest last; none where nothing was asked.
  public func recentRoutes(_ count: Int) -> [RouteRecord] {
    RouteLog(folder: settings.index).last(count)
  }

  /// Which model would answer now, and why the better ones would not.
  public func why() throws -> GateReport {
    let registry = try ModelRegistry(modelsFolder: settings.models)
    var models = registry.candidates(for: .generate)
    if let wanted = settings.model {
      models = [try ModelChoice.find(wanted, role: .generate, in: registry)]
    }
    return GateReport(ModelChoice.decide(models, settings, host.ledger(registry)))
  }

  /// Reads every file of a model and compares it with the catalogue's digests.
  ///
  /// - Parameter progress: bytes done and bytes in all; false stops.
  /// - Returns: file name and SHA-256 of each file, and whether the catalogue had one to compare.
  public func verifyModel(
    _ name: String, progress: ((_ done: Int, _ total: Int) -> Bool)? = nil
  ) throws -> [(file: String, sha256: String, wasExpected: Bool)] {
    let registry = try ModelRegistry(modelsFolder: settings.models)
    let model: InstalledModel
    do { model = try registry.find(name) } catch {
      guard error.code == .unknownModel || error.code == .notInstalled else { throw error }
      throw CarrelError(.notInstalled, error.description)
    }
    return try registry.verify(model, progress: progress).map {
      ($0.name, $0.sha256, $0.wasExpected)
    }
  }

  /// Memory, disk, models and index on one card.
  public func status() async throws -> WorkspaceStatus {
    let snapshot = MemorySnapshot.read()
    let models = try models()
    let index = try? await indexReport(checkingDisk: true)
    return WorkspaceStatus(
      memory: .init(
        availableBytes: snapshot.available, limitBytes: snapshot.tightest?.limit,
        limitSource: snapshot.tightest?.source, residentBytes: ResidentMemory.now(),
        peakBytes: ResidentMemory.peak()),
      disk: .init(
        freeBytes: Self.freeBytes(onDiskOf: settings.models),
        modelsBytes: models.reduce(0) { $0 + ($1.sizeBytes ?? 0) },
        indexBytes: index?.bytes ?? 0),
      models: models, loaded: host.loaded, index: index,
      snapshots: snapshots.map {
        let (files, bytes) = $0.usage
        return .init(
          folder: $0.folder, files: files, bytes: bytes, limitBytes: SnapshotStore.limit)
      })
  }

  /// Bytes an ordinary user may still write; nil where the folder is not there.
  static func freeBytes(onDiskOf folder: String) -> Int? {
    var about = statvfs()
    guard statvfs(folder, &about) == 0 else { return nil }
    return Int(about.f_bavail) * Int(about.f_frsize)
  }
}
