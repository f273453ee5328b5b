// What a model's own files say of it, read from their headers without touching the weights.

import FoundationEssentials
import Storage
import Tensors

/// Facts from a weight file's header.
package struct ModelHeader: Sendable, Equatable {
  package enum Format: String, Sendable { case gguf, safetensors }

  package var format: Format
  /// `general.architecture`, or `model_type` of config.json.
  package var architecture: String
  /// The model's own name, where it has one.
  package var name: String?
  /// Tokens it was trained for; nil when the file does not say.
  package var context: Int?
  /// The sum of its tensors' elements, integer tensors left out.
  package var parameters: Int
  /// The common name of its quantization, such as "Q4_K_M"; a guess from the stored types when the
  /// file does not name one.
  package var quantization: String
  /// Its chat template; a model without one was not tuned for conversation.
  package var chatTemplate: String?
  /// Bytes of its tensors.
  package var weightBytes: Int
  /// What decides the size of its key/value cache; nil where the header does not say.
  package var cache: CacheShape?
}

extension ModelHeader {
  /// Reads the header of one GGUF file or of all parts of a split one, which must be complete.
  package static func read(gguf paths: [String]) throws(TensorsError) -> ModelHeader {
    var header: ModelHeader?
    var bytesOfType: [ElementType: Int] = [:]
    var parameters = 0
    var hasType = false
    for path in paths {
      let mapped: MappedFile
      do throws(StorageError) { mapped = try MappedFile(path: path) } catch {
        throw TensorsError(error)
      }
      let file = try GGUFFile(mapped)
      for tensor in file.tensors.values {
        bytesOfType[tensor.type, default: 0] += tensor.range.count
        if ![.i32, .i64].contains(tensor.type) { parameters += tensor.elementCount }
      }
      guard header == nil else { continue }
      let architecture = file.metadata["general.architecture"]?.string ?? "unknown"
      let named = file.metadata["general.file_type"]?.int.flatMap { fileTypes[$0] }
      hasType = named != nil
      header = ModelHeader(
        format: .gguf, architecture: architecture,
        name: file.metadata["general.name"]?.string,
        context: file.metadata["\(architecture).context_length"]?.int.flatMap { $0 > 0 ? $0 : nil },
        parameters: 0, quantization: named ?? "unknown",
        chatTemplate: file.metadata["tokenizer.chat_template"]?.string,
        weightBytes: 0, cache: CacheShape(file.metadata, architecture: architecture))
    }
    guard var header else {
      throw TensorsError(.truncated, "expected at least one file", path: "")
    }
    header.parameters = parameters
    header.weightBytes = bytesOfType.values.reduce(0, +)
    if !hasType, let most = bytesOfType.max(by: { $0.value < $1.value }) {
      header.quantization = most.key.name
    }
    return header
  }

  /// Reads a folder with safetensors weights and config.json.
  package static func read(safetensorsFolder path: String) throws(TensorsError) -> ModelHeader {
    let weights = try SafetensorsFolder(path: path)
    var bytesOfType: [ElementType: Int] = [:]
    var parameters = 0
    for case let tensor? in weights.tensorNames.map(weights.tensor(named:)) {
      bytesOfType[tensor.type, default: 0] += tensor.range.count
      if ![.i32, .i64].contains(tensor.type) { parameters += tensor.elementCount }
    }
    let configuration = "\(path)/config.json"
    var config = Configuration()
    do {
      let bytes = try SmallFile.read(configuration, limit: 1 << 20)
      config = try JSONDecoder().decode(Configuration.self, from: Data(bytes))
    } catch let error as StorageError {
      throw TensorsError(error)
    } catch {
      throw TensorsError(
        .badJSON, "expected the model's configuration in JSON", path: configuration)
    }
    return ModelHeader(
      format: .safetensors, architecture: config.model_type ?? "unknown", name: nil,
      context: config.max_position_embeddings, parameters: parameters,
      quantization: bytesOfType.max { $0.value < $1.value }?.key.name ?? "unknown",
      chatTemplate: (try? SmallFile.read("\(path)/chat_template.jinja"))
        .map { String(decoding: $0, as: UTF8.self) },
      weightBytes: bytesOfType.values.reduce(0, +), cache: nil)
  }

  private struct Configuration: Decodable {
    var model_type: String?
    var max_position_embeddings: Int?
  }

  /// Names of `general.file_type`. Format: github.com/ggml-org/llama.cpp, include/llama.h.
  private static let fileTypes: [Int: String] = [
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K",
    11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S",
    17: "Q5_K_M", 18: "Q6_K", 25: "IQ4_NL", 30: "IQ4_XS", 32: "BF16", 38: "MXFP4",
  ]
}
