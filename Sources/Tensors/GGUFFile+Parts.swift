// A model whose weights are split into several files, "stem-00001-of-00003.gguf" and so on. Each part
// is a GGUF file of its own; the first has the model's metadata, and all of them say `split.no` (from
// 0), `split.count` and `split.tensors.count` (of all parts together).
// Format: github.com/ggml-org/llama.cpp, tools/gguf-split.

import Storage

extension GGUFFile {
  /// Whether a file's name ends as those of GGUF files do, in whatever letter case.
  package static func isName(_ name: String) -> Bool { name.lowercased().hasSuffix(".gguf") }

  /// Opens and checks the file at `path`, and with any part of a split model all the others, which must
  /// lie beside it. Reads the directories only; weights stay untouched.
  package init(path: String) throws(TensorsError) {
    let first = try Self.single(path)
    guard let said = first.metadata["split.count"]?.int, said != 1 else {
      self = first
      return
    }
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let folder = path.dropLast(name.count)
    guard Self.isName(name), let part = PartName(String(name.dropLast(5))),
      part.count == said
    else {
      throw TensorsError(
        .badShard,
        "it is one of \(said) parts; expected a name such as model-00001-of-00003.gguf", path: path)
    }
    var parts: [GGUFFile] = []
    for number in 1...part.count {
      let path = "\(folder)\(part.name(number))\(name.suffix(5))"
      let file: GGUFFile
      do throws(TensorsError) {
        file = number == part.number ? first : try Self.single(path)
      } catch  where error.code == .storage(.notFound) {
        throw TensorsError(
          .badShard, "part \(number) of \(part.count) is missing; fetch it again", path: path)
      }
      guard file.metadata["split.no"]?.int == number - 1,
        file.metadata["split.count"]?.int == part.count
      else {
        throw TensorsError(
          .badShard, "expected it to be part \(number) of \(part.count)", path: path)
      }
      parts.append(file)
    }
    self = try Self.join(parts)
  }

  private static func single(_ path: String) throws(TensorsError) -> GGUFFile {
    let file: MappedFile
    do throws(StorageError) { file = try MappedFile(path: path) } catch {
      throw TensorsError(error)
    }
    return try GGUFFile(file)
  }

  private static func join(_ parts: [GGUFFile]) throws(TensorsError) -> GGUFFile {
    var tensors: [String: Tensor] = [:]
    for part in parts {
      for (name, tensor) in part.tensors {
        guard tensors.updateValue(tensor, forKey: name) == nil else {
          throw TensorsError(
            .duplicateTensor, "tensor \(name) is in an earlier part too", path: part.file.path)
        }
      }
    }
    let whole = parts[0]
    if let expected = whole.metadata["split.tensors.count"]?.int, expected != tensors.count {
      throw TensorsError(
        .badShard, "expected \(expected) tensors in all parts, found \(tensors.count)",
        path: whole.file.path)
    }
    return GGUFFile(
      file: whole.file, version: whole.version, metadata: whole.metadata, tensors: tensors,
      tensorNames: parts.flatMap(\.tensorNames))
  }
}
