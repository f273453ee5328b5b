// From the files that belong together to a described model: catalogue entry, sizes, header, state.

import Storage
import Tensors

struct ModelInspector {
  let catalog: Catalog
  /// The models folder: where the stamp for files elsewhere is kept.
  let modelsFolder: String

  /// Where a model was found, and the name it goes by when the catalogue does not know it.
  struct Place {
    var origin: InstalledModel.Origin
    var fallbackID: String
    /// The id of the catalogue entry whose folder this is.
    var folderID: String?
    /// "owner/name" in the Hugging Face cache.
    var repository: String?
  }

  func inspect(_ found: ModelFolderScanner.Found, _ place: Place) -> InstalledModel {
    let entry = entry(for: found, place)
    let missing = Set(found.missing).union(
      (entry?.files ?? []).map(\.name).filter {
        FileStatus(path: "\(found.folder)/\($0)")?.kind != .file
      })
    var names = found.files
    for file in entry?.files ?? [] where !names.contains(file.name) { names.append(file.name) }
    let files = names.compactMap { name -> InstalledModel.File? in
      let path = "\(found.folder)/\(name)"
      guard let status = FileStatus(path: path), status.kind == .file else { return nil }
      let known = entry?.files.first { $0.name == name }
      return InstalledModel.File(
        name: name, path: path, size: status.size, expectedSHA256: known?.sha256,
        expectedSize: known?.size)
    }
    // A link whose target is not there yet was listed but is no file.
    let dangling = found.files.filter { name in !files.contains { $0.name == name } }
    var model = InstalledModel(
      id: entry?.id ?? place.fallbackID, aliases: entry?.aliases ?? [],
      role: entry?.role ?? .generate, origin: place.origin, state: .installed,
      folder: found.folder, files: files, sizeBytes: Self.size(of: files), header: nil,
      entry: entry)
    let absent = missing.union(dangling).sorted()
    guard absent.isEmpty else {
      model.state = .incomplete(absent)
      return model
    }
    do throws(TensorsError) {
      let header =
        found.isGGUF
        ? try ModelHeader.read(gguf: files.filter { found.files.contains($0.name) }.map(\.path))
        : try ModelHeader.read(safetensorsFolder: found.folder)
      model.header = header
      if entry == nil { model.role = Self.role(of: header) }
    } catch {
      model.state =
        [.unsupportedType, .unsupportedVersion].contains(error.code)
        ? .unsupported(error.description) : .damaged(error.description)
      return model
    }
    model.state = state(of: model)
    return model
  }

  /// Sizes against the catalogue, digests against what is remembered.
  private func state(of model: InstalledModel) -> InstalledModel.State {
    for file in model.files {
      guard let expected = file.expectedSize, expected != file.size else { continue }
      return .damaged("\(file.path): expected \(expected) bytes, found \(file.size)")
    }
    let own = VerificationStamp(folder: model.folder)
    let shared = VerificationStamp(folder: modelsFolder)
    let isVerified = model.files.allSatisfy { file in
      guard let digest = file.expectedSHA256 else { return true }
      return own.vouches(for: file.name, at: file.path, sha256: digest)
        || shared.vouches(for: file.path, at: file.path, sha256: digest)
    }
    return isVerified ? .installed : .unverified
  }

  /// The entry whose folder or repository this is and whose weights it names; else one that names
  /// the same weight files and, where known, their sizes.
  private func entry(for found: ModelFolderScanner.Found, _ place: Place) -> CatalogModel? {
    let present = Set(found.files + found.missing)
    func weights(_ entry: CatalogModel) -> [CatalogModel.File] {
      entry.files.filter { $0.name.hasSuffix(".gguf") || $0.name.hasSuffix(".safetensors") }
    }
    func names(_ entry: CatalogModel) -> Bool {
      weights(entry).allSatisfy { present.contains($0.name) }
    }
    if let id = place.folderID, let entry = catalog.models.first(where: { $0.id == id }),
      names(entry)
    {
      return entry
    }
    return catalog.models.first { entry in
      guard names(entry) else { return false }
      if case .hub(let repository, _) = entry.source, repository == place.repository { return true }
      // Weights of one name and size, with names that only one model has.
      return found.isGGUF
        && weights(entry).allSatisfy { file in
          file.size == nil || file.size == FileStatus(path: "\(found.folder)/\(file.name)")?.size
        }
    }
  }

  private static func size(of files: [InstalledModel.File]) -> Int {
    var seen: Set<[UInt64]> = []
    var total = 0
    for file in files {
      guard let status = FileStatus(path: file.path) else { continue }
      if seen.insert([status.device, status.inode]).inserted { total += status.size }
    }
    return total
  }

  /// Encoders make vectors, everything else text.
  private static func role(of header: ModelHeader) -> ModelRole {
    let encoders: Set = [
      "bert", "nomic-bert", "jina-bert-v2", "roberta", "xlm-roberta", "mpnet", "distilbert",
      "modernbert", "gemma-embedding",
    ]
    return encoders.contains(header.architecture) ? .embed : .generate
  }
}
