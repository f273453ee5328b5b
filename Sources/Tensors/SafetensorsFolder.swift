// A model folder whose weights are one safetensors file or several.
//
//   model.safetensors                 one file, or
//   model.safetensors.index.json      {"metadata": {…}, "weight_map": {tensor name: file name}}
//   model-00001-of-00002.safetensors  …

import Storage

/// The weights of a folder by name, whichever file they lie in.
package struct SafetensorsFolder: TensorSource {
  package let path: String
  /// The files, sorted by name.
  package let files: [SafetensorsFile]
  package let tensorNames: [String]
  private let fileOfTensor: [String: Int]

  private static let indexLimit = 100_000_000

  /// Opens every file of the folder and checks that each tensor of the index is where it says.
  package init(path: String) throws(TensorsError) {
    let single = "\(path)/model.safetensors"
    let index = single + ".index.json"
    guard FileStatus(path: index) != nil else {
      let file = try SafetensorsFile(path: single)
      self.path = path
      files = [file]
      tensorNames = file.tensorNames
      fileOfTensor = Dictionary(uniqueKeysWithValues: file.tensorNames.map { ($0, 0) })
      return
    }
    let map = try Self.readIndex(index)
    let names = Set(map.values).sorted()
    var files: [SafetensorsFile] = []
    for name in names {
      do throws(TensorsError) {
        files.append(try SafetensorsFile(path: "\(path)/\(name)"))
      } catch  where error.code == .storage(.notFound) {
        throw TensorsError(
          .badShard, "the index names \(name), which is not in the folder; fetch it again",
          path: index)
      }
    }
    var fileOfTensor: [String: Int] = [:]
    for (tensor, name) in map {
      guard let i = names.firstIndex(of: name), files[i].tensors[tensor] != nil else {
        throw TensorsError(
          .badShard, "the index puts tensor \(tensor) in \(name), which lacks it", path: index)
      }
      fileOfTensor[tensor] = i
    }
    self.path = path
    self.files = files
    self.fileOfTensor = fileOfTensor
    tensorNames = files.enumerated().flatMap { i, file in
      file.tensorNames.filter { fileOfTensor[$0] == i }
    }
  }

  package func tensor(named name: String) -> Tensor? {
    fileOfTensor[name].flatMap { files[$0].tensors[name] }
  }

  /// The shard names of an index file, without opening any of them.
  package static func shardNames(ofIndex path: String) throws(TensorsError) -> [String] {
    Set(try readIndex(path).values).sorted()
  }

  /// Tensor name to file name. A file name may not leave the folder.
  private static func readIndex(_ path: String) throws(TensorsError) -> [String: String] {
    let file: MappedFile
    do throws(StorageError) { file = try MappedFile(path: path) } catch {
      throw TensorsError(error)
    }
    guard file.bytes.count <= indexLimit else {
      throw TensorsError(
        .badCount, "expected an index of at most \(indexLimit) bytes, found \(file.bytes.count)",
        path: path)
    }
    var cursor = JSONCursor(file, in: 0..<file.bytes.count)
    var map: [String: String] = [:]
    try cursor.object { (cursor, key) throws(TensorsError) in
      guard key == "weight_map" else { return try cursor.skipValue() }
      try cursor.object { (cursor, tensor) throws(TensorsError) in
        let name = try cursor.string()
        guard name.hasSuffix(".safetensors"), !name.utf8.contains(UInt8(ascii: "/")),
          !name.utf8.contains(0)
        else {
          throw cursor.failure(
            .badName, "expected the name of a safetensors file in the same folder, found \(name)")
        }
        guard map.updateValue(name, forKey: tensor) == nil else {
          throw cursor.failure(.duplicateTensor, "tensor \(tensor) is listed twice")
        }
      }
    }
    try cursor.finish()
    guard !map.isEmpty else {
      throw TensorsError(.badShard, "expected a weight_map that names tensors", path: path)
    }
    return map
  }
}
