// The three places models are found in.

import Storage

extension ModelRegistry {
  /// A GGUF file (any part of a split one), or a folder with one model in it.
  static func inspect(
    path: String, _ catalog: Catalog, modelsFolder: String
  ) throws(RegistryError) -> InstalledModel {
    let inspector = ModelInspector(catalog: catalog, modelsFolder: modelsFolder)
    guard let status = FileStatus(path: path) else {
      throw RegistryError(.unknownModel, "there is no such file or folder", subject: path)
    }
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    let name = lastPart(path)
    let found: [ModelFolderScanner.Found]
    if status.kind == .folder {
      found = ModelFolderScanner.scan(path)
    } else {
      let folder = path.contains("/") ? String(path.dropLast(name.count + 1)) : "."
      let names = (try? Folder.names(in: folder.isEmpty ? "/" : folder)) ?? [name]
      found = ModelFolderScanner.ggufModels(names, folder: folder).filter {
        $0.files.contains(name)
      }
    }
    guard let model = found.first else {
      throw RegistryError(
        .unknownModel, "expected a .gguf file or a folder with model.safetensors", subject: path)
    }
    guard found.count == 1 else {
      let stems = found.map(\.stem).joined(separator: ", ")
      throw RegistryError(
        .ambiguous, "expected one model, found \(stems); name one file", subject: path)
    }
    return inspector.inspect(
      model, ModelInspector.Place(origin: .path, fallbackID: model.stem, folderID: nil))
  }

  /// `Models/<id>/…`, and whatever else lies there. A folder's name is its model's when it holds one.
  static func modelsIn(folder: String, _ inspector: ModelInspector) -> [InstalledModel] {
    let found = ModelFolderScanner.scan(folder)
    return found.map { model in
      let name = lastPart(model.folder)
      let isAlone = found.count { $0.folder == model.folder } == 1
      let isTop = model.folder == folder
      return inspector.inspect(
        model,
        ModelInspector.Place(
          origin: .models, fallbackID: isAlone && !isTop ? name : model.stem,
          folderID: isTop ? nil : name))
    }
  }

  /// One repository holds one model, or several quantizations: "owner/name" or "owner/name:stem".
  static func modelsIn(cache: HubCache, _ inspector: ModelInspector) -> [InstalledModel] {
    cache.snapshots().flatMap { snapshot in
      let found = ModelFolderScanner.scan(snapshot.path)
      return found.map { model in
        inspector.inspect(
          model,
          ModelInspector.Place(
            origin: .cache,
            fallbackID: found.count == 1
              ? snapshot.repository : "\(snapshot.repository):\(model.stem)",
            repository: snapshot.repository))
      }
    }
  }

  private static func lastPart(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }
}
