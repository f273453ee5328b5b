// Which files of a repository make up a model, decided from names alone.
//
// A repository may hold the same weights a dozen times over: other quantisations, other formats,
// `original/` and `onnx/` folders. Only one set is fetched.

import Tensors

package enum FileSelection {
  /// Without a wish, the quantisations tried in this order: small loss first, then smaller files,
  /// then the plain formats.
  static let preferredQuants = [
    "Q4_K_M", "MXFP4", "Q4_K_S", "Q4_0", "Q4_1", "IQ4_XS", "IQ4_NL", "Q5_K_M", "Q5_K_S", "Q5_0",
    "Q6_K", "Q8_0", "Q3_K_L", "Q3_K_M", "Q3_K_S", "BF16", "F16", "F32",
  ]

  /// What stands beside safetensors weights: settings and vocabularies, all small.
  static let companions = [
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
    "tokenizer.model", "vocab.txt", "vocab.json", "merges.txt", "special_tokens_map.json",
    "added_tokens.json", "chat_template.jinja", "modules.json", "sentence_bert_config.json",
    "config_sentence_transformers.json", "1_Pooling/config.json",
  ]

  /// The files to fetch, in the order of their paths; an error says what there is to choose from.
  package static func choose(
    from files: [HubFile], for reference: HubReference
  ) throws(HubError) -> [HubFile] {
    func refuse(_ message: String) -> HubError {
      HubError(.noSuchChoice, message, subject: reference.repository)
    }
    let sorted = files.sorted { $0.path < $1.path }
    if let wanted = reference.files {
      let chosen = sorted.filter { wanted.contains($0.path) }
      if let missing = wanted.first(where: { path in !chosen.contains { $0.path == path } }) {
        throw HubError(
          .fileNotFound, "the repository has no file \(missing) at this revision",
          subject: reference.repository)
      }
      return chosen
    }
    let sets = weightSets(sorted)
    if let quant = reference.quant {
      guard !sets.isEmpty else {
        throw refuse("it has no GGUF files, so there is no \(quant) to choose; leave it out")
      }
      return try pick(quant, from: sets, refuse)
    }
    if let chosen = try safetensors(sorted, refuse) { return chosen }
    if sets.count == 1 { return try sets[0].complete(refuse) }
    for quant in preferredQuants {
      let fitting = sets.filter { $0.label == quant }
      if fitting.count == 1 { return try fitting[0].complete(refuse) }
    }
    guard !sets.isEmpty else {
      throw refuse("it has neither GGUF files nor model.safetensors; nothing here can be run")
    }
    throw refuse("say which file: \(reference.repository):NAME with NAME one of \(list(sets))")
  }

  // MARK: GGUF

  /// One file, or all parts of one that was split.
  private struct WeightSet {
    /// The path without `-00001-of-00003` and `.gguf`.
    let stem: String
    var parts: [Int: HubFile] = [:]
    var count = 1

    /// The quantisation its name ends with, in upper case, or nil.
    var label: String? { FileSelection.quantLabel(of: stem) }

    func complete(_ refuse: (String) -> HubError) throws(HubError) -> [HubFile] {
      for number in 1...count where parts[number] == nil {
        throw refuse("part \(number) of \(count) of \(stem) is missing from the repository")
      }
      return (1...count).compactMap { parts[$0] }
    }
  }

  private static func weightSets(_ files: [HubFile]) -> [WeightSet] {
    var sets: [WeightSet] = []
    for file in files where GGUFFile.isName(file.path) {
      let name = file.name.lowercased()
      // Projectors and importance matrices accompany models; they are none.
      if name.hasPrefix("mmproj") || name.contains("imatrix") { continue }
      let whole = String(file.path.dropLast(5))
      let part = PartName(whole)
      let (stem, count) = (part?.stem ?? whole, part?.count ?? 1)
      let known = sets.firstIndex { $0.stem == stem && $0.count == count }
      if let known {
        sets[known].parts[part?.number ?? 1] = file
      } else {
        sets.append(WeightSet(stem: stem, parts: [part?.number ?? 1: file], count: count))
      }
    }
    return sets
  }

  /// The last part of a name, between `-`, `.` or `/`, that looks like a quantisation.
  package static func quantLabel(of stem: String) -> String? {
    let parts = stem.uppercased().split { $0 == "-" || $0 == "." || $0 == "/" }
    return parts.last { part in
      if ["F16", "BF16", "F32", "MXFP4", "FP16", "MXFP4_MOE"].contains(String(part)) {
        return true
      }
      var rest = part
      for prefix in ["IQ", "TQ", "Q"] where rest.hasPrefix(prefix) {
        rest = rest.dropFirst(prefix.count)
        return rest.first.map { "12345678".contains($0) } ?? false
          && rest.dropFirst().first.map { $0 == "_" } ?? true
      }
      return false
    }.map(String.init)
  }

  private static func pick(
    _ quant: String, from sets: [WeightSet], _ refuse: (String) -> HubError
  ) throws(HubError) -> [HubFile] {
    let wanted = quant.uppercased()
    var fitting = sets.filter { set in
      let name = set.stem.uppercased()
      return name == wanted || name + ".GGUF" == wanted
        || name.split(separator: "/").last.map { $0 == wanted || $0 + ".GGUF" == wanted } ?? false
    }
    if fitting.isEmpty { fitting = sets.filter { $0.label == wanted } }
    if fitting.isEmpty {  // UD-Q4_K_XL: a maker's prefix before the label
      fitting = sets.filter { $0.stem.uppercased().hasSuffix("-" + wanted) }
    }
    guard let first = fitting.first else {
      throw refuse("it has no \(quant); there are \(list(sets))")
    }
    guard fitting.count == 1 else {
      throw refuse("\(quant) fits several files; name one: \(list(fitting))")
    }
    return try first.complete(refuse)
  }

  private static func list(_ sets: [WeightSet]) -> String {
    let labels = sets.map(\.label)
    let unique = labels.allSatisfy { label in
      label != nil && labels.filter { $0 == label }.count == 1
    }
    let names = sets.map { unique ? $0.label ?? $0.stem : $0.stem + ".gguf" }
    return names.prefix(30).joined(separator: ", ") + (names.count > 30 ? ", …" : "")
  }

  // MARK: safetensors

  /// `model.safetensors`, or all parts and their index, with what stands beside them; nil when the
  /// root of the repository has neither.
  private static func safetensors(
    _ files: [HubFile], _ refuse: (String) -> HubError
  ) throws(HubError) -> [HubFile]? {
    let beside = files.filter { companions.contains($0.path) }
    guard beside.contains(where: { $0.path == "config.json" }) else { return nil }
    if let whole = files.first(where: { $0.path == "model.safetensors" }) {
      return ([whole] + beside).sorted { $0.path < $1.path }
    }
    var parts: [Int: HubFile] = [:]
    var count = 0
    for file in files where file.path.hasSuffix(".safetensors") {
      guard let part = PartName(String(file.path.dropLast(12)), from: 0), part.stem == "model"
      else { continue }
      parts[part.number] = file
      count = max(count, part.count)
    }
    guard count > 0 else { return nil }
    // Makers count from 1, from 0, or (openai/gpt-oss-20b) from 0 up to the count itself.
    let isFromZero = parts[0] != nil && parts[count] == nil
    for number in isFromZero ? 0..<count : 1..<(count + 1) where parts[number] == nil {
      throw refuse("part \(number) of \(count) of model.safetensors is missing")
    }
    guard let index = files.first(where: { $0.path == "model.safetensors.index.json" }) else {
      throw refuse("its \(count) weight files have no model.safetensors.index.json")
    }
    return (parts.values + [index] + beside).sorted { $0.path < $1.path }
  }
}
