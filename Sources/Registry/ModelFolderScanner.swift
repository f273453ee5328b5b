// Finding models in folders: GGUF files, whole or in parts, and folders of safetensors with their
// configuration and tokenizer. Nothing is remembered between runs; what lies there is what there is.

import Storage
import Tensors

/// What a folder's file names say about the models in it, before any file is opened.
struct ModelFolderScanner {
  /// One model's files.
  struct Found: Equatable {
    /// The name its files share: "model" for "model-00001-of-00003.gguf".
    var stem: String
    var folder: String
    var isGGUF: Bool
    /// Names below `folder`.
    var files: [String]
    /// Names of parts that should be there.
    var missing: [String]
  }

  private let maximumDepth = 4
  private(set) var found: [Found] = []
  /// Folders looked at, by device and inode: links may lead around in a circle.
  private var entered: Set<[UInt64]> = []

  /// Looks at `path` and the folders below it; names that begin with a dot are passed over. What
  /// cannot be listed is left out.
  static func scan(_ path: String) -> [Found] {
    var scanner = ModelFolderScanner()
    scanner.scan(path, depth: 0)
    return scanner.found
  }

  private mutating func scan(_ path: String, depth: Int) {
    guard let place = FileStatus(path: path), entered.insert([place.device, place.inode]).inserted,
      let names = try? Folder.names(in: path)
    else { return }
    let visible = names.filter { !$0.hasPrefix(".") }
    var files: [String] = []
    for name in visible {
      // A dangling link is a file that was never fetched: keep its name.
      let status = FileStatus(path: "\(path)/\(name)")
      if status?.kind == .folder {
        if depth < maximumDepth { scan("\(path)/\(name)", depth: depth + 1) }
      } else {
        files.append(name)
      }
    }
    found += Self.ggufModels(files, folder: path)
    if let model = Self.safetensorsModel(files, folder: path) { found.append(model) }
  }

  /// Groups GGUF names by what they share. Projectors of vision models are not models of ours.
  static func ggufModels(_ names: [String], folder: String) -> [Found] {
    var models: [Found] = []
    var parts: [String: Int] = [:]
    for name in names where GGUFFile.isName(name) && !name.hasPrefix("mmproj") {
      let stem = String(name.dropLast(5))
      guard let part = PartName(stem) else {
        models.append(
          Found(stem: stem, folder: folder, isGGUF: true, files: [name], missing: []))
        continue
      }
      let key = "\(part.stem)/\(part.count)"
      guard parts[key] == nil else { continue }
      parts[key] = 1
      let all = (1...part.count).map { part.name($0) + name.suffix(5) }
      let present = Set(names)
      models.append(
        Found(
          stem: part.stem, folder: folder, isGGUF: true, files: all.filter(present.contains),
          missing: all.filter { !present.contains($0) }))
    }
    return models
  }

  /// A folder is a safetensors model when it has the weights (or their index); configuration and
  /// tokenizer must then be there too.
  private static func safetensorsModel(_ names: [String], folder: String) -> Found? {
    let single = "model.safetensors"
    let index = single + ".index.json"
    guard names.contains(single) || names.contains(index) else { return nil }
    var needed = ["config.json", "tokenizer.json"]
    if names.contains(index) {
      needed.append(index)
      needed += (try? SafetensorsFolder.shardNames(ofIndex: "\(folder)/\(index)")) ?? []
    } else {
      needed.append(single)
    }
    let optional = ["tokenizer_config.json", "vocab.txt", "chat_template.jinja"]
    return Found(
      stem: folder.split(separator: "/").last.map(String.init) ?? folder, folder: folder,
      isGGUF: false,
      files: needed.filter(names.contains) + optional.filter(names.contains),
      missing: needed.filter { !names.contains($0) })
  }
}
