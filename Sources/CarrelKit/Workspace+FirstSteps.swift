import FoundationEssentials
import Registry
import Retrieval

/// A model that could be fetched, and what it would take. Sizes are exact where the catalogue has
/// them, else estimated from parameters and quantization.
public struct FetchableModel: Sendable, Equatable {
  public let id: String
  public let name: String
  /// To download.
  public let bytes: Int
  public let isExact: Bool
  /// Memory at the default context, estimated.
  public let needBytes: Int
  /// nil where no limit could be read.
  public let fits: Bool?
  public let licence: String
  /// `owner/name@revision`; nil where the model does not come from a hub.
  public let reference: String?
}

/// What indexing a folder would read, before anything is read.
public struct IndexPreview: Sendable, Equatable {
  public struct Kind: Sendable, Equatable {
    /// `.md`, or the name of a file without a suffix.
    public let suffix: String
    public let files: Int
    public let bytes: Int
  }
  /// Absolute.
  public let folder: String
  public let files: Int
  public let bytes: Int
  /// The most bytes first.
  public let kinds: [Kind]
  /// Left out, by reason; whole folders count once.
  public let skipped: [String: Int]
  /// Whether looking stopped before the end.
  public let isPartial: Bool
}

extension Workspace {
  /// Models of the catalogue that answer questions and are not installed, the best first.
  public func fetchable() throws -> [FetchableModel] {
    let registry = try ModelRegistry(modelsFolder: settings.models)
    let have = MemorySnapshot.read().available
    let installed = Set(registry.installed.filter(\.isUsable).map(\.id))
    return Self.catalog(of: registry).models.compactMap { entry in
      guard entry.role == .generate, !installed.contains(entry.id) else { return nil }
      let bits = Self.bitsPerWeight[entry.quantization] ?? 8.5
      let bytes = entry.sizeBytes ?? Int(Double(entry.parameters.total) * bits / 8)
      // Keys, values and scratch of a few thousand tokens: a tenth, and not less than this.
      let need = bytes + max(256 << 20, bytes / 10)
      let reference: String? =
        if case .hub(let repository, let revision) = entry.source {
          "\(repository)@\(revision)"
        } else { nil }
      return FetchableModel(
        id: entry.id, name: entry.name, bytes: bytes, isExact: entry.sizeBytes != nil,
        needBytes: need, fits: have.map { need <= $0 }, licence: entry.licence,
        reference: reference)
    }
  }

  /// The catalogue in the folder of models. A folder that is new has none: then that of the checkout
  /// the program was built in, or the one installed beside it.
  static func catalog(of registry: ModelRegistry) -> Catalog {
    if !registry.catalog.models.isEmpty { return registry.catalog }
    var folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    for _ in 0..<4 {
      folder = folder.deletingLastPathComponent()
      for place in ["Models/catalog.json", "share/carrel/catalog.json"] {
        let path = folder.appending(path: place).path
        guard FileManager.default.fileExists(atPath: path) else { continue }
        if let catalog = try? Catalog(path: path) { return catalog }
      }
    }
    return .empty
  }

  /// Bits a weight takes on average in a whole file: measured on published files of each kind.
  private static let bitsPerWeight: [String: Double] = [
    "MXFP4": 4.64, "Q4_0": 4.7, "Q4_1": 5.2, "Q4_K_M": 4.97, "Q5_K_M": 5.7, "Q6_K": 6.6,
    "Q8_0": 8.5, "F16": 16, "BF16": 16, "F32": 32,
  ]

  /// Looks at names and sizes below a folder as indexing would, for at most `seconds`.
  public func previewIndexing(_ folder: String, seconds: Double = 2) async throws -> IndexPreview {
    let path = URL(filePath: folder).standardizedFileURL.path
    let task = Task.detached { () -> IndexPreview in
      let deadline = ContinuousClock.now + .seconds(seconds)
      var options = IndexOptions()
      options.includesHidden = false
      var scanner = FolderScanner(options: options)
      scanner.onProgress = { _ in !Task.isCancelled && ContinuousClock.now < deadline }
      guard let files = scanner.scan(path) else {
        throw CarrelError(.failed, "There is no file or folder \(folder).")
      }
      var kinds: [String: (files: Int, bytes: Int)] = [:]
      for file in files {
        let name = file.path.split(separator: "/").last ?? ""
        let suffix = name.lastIndex(of: ".").map { String(name[$0...]) } ?? String(name)
        kinds[suffix, default: (0, 0)].files += 1
        kinds[suffix, default: (0, 0)].bytes += file.size
      }
      return IndexPreview(
        folder: path, files: files.count, bytes: files.reduce(0) { $0 + $1.size },
        kinds: kinds.map { .init(suffix: $0.key, files: $0.value.files, bytes: $0.value.bytes) }
          .sorted { ($1.bytes, $0.suffix) < ($0.bytes, $1.suffix) },
        skipped: scanner.skipped.reduce(into: [:]) {
          $0[$1.key.description, default: 0] += $1.value
        },
        isPartial: scanner.wasStopped)
    }
    return try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }
}
