// Models/catalog.json: the models known by name. Fields are described in Models/README.md.

import FoundationEssentials
import Storage

/// What a model is for.
package enum ModelRole: String, Sendable, Codable, CaseIterable {
  case generate, embed
}

/// The curated models, in file order, checked.
package struct Catalog: Sendable {
  package let models: [CatalogModel]

  /// A catalogue without models: every installed model is then described by its own files alone.
  package static let empty = Catalog(unchecked: [])

  private init(unchecked models: [CatalogModel]) {
    self.models = models
  }

  /// Reads and checks the file at `path`.
  package init(path: String) throws(RegistryError) {
    let bytes: [UInt8]
    do throws(StorageError) { bytes = try SmallFile.read(path) } catch {
      throw RegistryError(.badCatalog, error.message, subject: path)
    }
    try self.init(json: bytes, path: path)
  }

  package init(json: [UInt8], path: String) throws(RegistryError) {
    let file: CatalogFile
    do {
      file = try JSONDecoder().decode(CatalogFile.self, from: Data(json))
    } catch let error as DecodingError {
      throw RegistryError(.badCatalog, Self.sentence(error), subject: path)
    } catch {
      throw RegistryError(.badCatalog, "\(error)", subject: path)
    }
    guard file.version == 1 else {
      throw RegistryError(.badCatalog, "expected version 1, found \(file.version)", subject: path)
    }
    do throws(CatalogProblem) {
      var names: Set<String> = []
      for model in file.models { try model.check(names: &names) }
    } catch {
      throw RegistryError(.badCatalog, "\(error.model): \(error.message)", subject: path)
    }
    models = file.models
  }

  /// The model with this id or alias; letter case does not matter.
  package func model(named name: String) -> CatalogModel? {
    let name = name.lowercased()
    return models.first { $0.id == name || $0.aliases.contains(name) }
  }

  private struct CatalogFile: Decodable {
    let version: Int
    let models: [CatalogModel]
  }

  private static func sentence(_ error: DecodingError) -> String {
    func place(_ context: DecodingError.Context) -> String {
      let path = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
      return path.isEmpty ? "" : " at \(path.joined(separator: "."))"
    }
    switch error {
    case .keyNotFound(let key, let context):
      return "expected a field \"\(key.stringValue)\"\(place(context))"
    case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
      return "expected \(type)\(place(context))"
    case .dataCorrupted(let context):
      return "expected valid JSON\(place(context)): \(context.debugDescription)"
    @unknown default: return "\(error)"
    }
  }
}

/// What is wrong with one entry.
struct CatalogProblem: Error {
  let model: String
  let message: String
}
