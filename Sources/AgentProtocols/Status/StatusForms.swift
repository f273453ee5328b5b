import CarrelKit

/// Reports as JSON and as text for people. Fields may be added, never renamed. Pure.
package enum StatusForms {
  // MARK: JSON

  package static func status(
    _ status: WorkspaceStatus, _ states: [ModelStatus], version: String
  ) -> JSONValue {
    [
      "version": .string(version),
      "memory": [
        "availableBytes": .optional(status.memory.availableBytes),
        "limitBytes": .optional(status.memory.limitBytes),
        "limitSource": .optional(status.memory.limitSource),
        "residentBytes": .integer(status.memory.residentBytes),
        "peakBytes": .integer(status.memory.peakBytes),
      ],
      "disk": [
        "freeBytes": .optional(status.disk.freeBytes),
        "modelsBytes": .integer(status.disk.modelsBytes),
        "indexBytes": .integer(status.disk.indexBytes),
      ],
      "models": models(status.models, states),
      "loaded": .array(states.filter { $0.state == .ready }.map { .string($0.id) }),
      "index": status.index.map(index) ?? .null,
    ]
  }

  package static func models(_ models: [ModelListing], _ states: [ModelStatus]) -> JSONValue {
    let known = Dictionary(states.map { ($0.id, $0) }) { first, _ in first }
    return .array(
      models.map { model in
        let form: JSONValue = [
          "id": .string(model.id), "role": .string(model.role), "files": .string(model.state),
          "path": .optional(model.path), "sizeBytes": .optional(model.sizeBytes),
          "fits": model.fits.map { .bool($0) } ?? .null, "problem": .optional(model.problem),
          "architecture": .optional(model.architecture),
          "quantization": .optional(model.quantization), "licence": .optional(model.licence),
        ]
        guard let state = known[model.id] else {
          return form.adding(["state": model.path == nil ? "notInstalled" : "notLoaded"])
        }
        return form.adding([
          "bytes": .integer(state.bytes), "uses": .integer(state.uses),
        ]).adding(self.state(state.state))
      })
  }

  /// The state in one word (`notInstalled downloading notLoaded loading ready unloading error`) with
  /// what belongs to it: a status card shows a load button for `notLoaded`, an unload button for
  /// `ready`.
  package static func state(_ state: ModelState) -> [String: JSONValue] {
    switch state {
    case .notInstalled, .loading, .ready, .unloading: ["state": .string(state.name)]
    case .installed: ["state": "notLoaded"]
    case .downloading(let done, let total):
      ["state": "downloading", "done": .integer(done), "total": .integer(total)]
    case .failed(let sentence): ["state": "error", "error": .string(sentence)]
    }
  }

  package static func index(_ report: IndexReport) -> JSONValue {
    [
      "path": .string(report.path), "roots": .array(report.roots.map { .string($0) }),
      "files": .integer(report.files), "chunks": .integer(report.chunks),
      "embedded": .integer(report.embedded), "stale": .optional(report.stale),
      "bytes": .integer(report.bytes), "embedder": .optional(report.embedder),
    ]
  }

  package static func indexing(_ summary: IndexingSummary) -> JSONValue {
    [
      "added": .integer(summary.added), "updated": .integer(summary.updated),
      "unchanged": .integer(summary.unchanged), "removed": .integer(summary.removed),
      "skipped": .object(summary.skipped.mapValues { .integer($0) }),
      "chunks": .integer(summary.chunks), "seconds": .number(summary.seconds),
    ]
  }

  // MARK: Text

  package static func text(_ status: WorkspaceStatus) -> String {
    var lines: [String] = []
    var memory = "Memory: \(bytes(status.memory.residentBytes)) in use"
    if let free = status.memory.availableBytes { memory += ", \(bytes(free)) free" }
    lines.append(memory)
    var disk = "Disk: models \(bytes(status.disk.modelsBytes))"
    disk += ", index \(bytes(status.disk.indexBytes))"
    if let free = status.disk.freeBytes { disk += ", \(bytes(free)) free" }
    lines.append(disk)
    for model in status.models where model.path != nil {
      let state = status.loaded.contains(model.id) ? "loaded" : model.state
      lines.append("Model \(model.id): \(state), \(bytes(model.sizeBytes ?? 0))")
    }
    if let index = status.index {
      lines.append("Index: \(index.files) files, \(index.chunks) passages")
      lines += index.roots.map { "Indexed folder: \($0)" }
    } else {
      lines.append("Index: nothing is indexed yet")
    }
    return lines.map { "- \($0)" }.joined(separator: "\n")
  }

  package static func text(_ progress: IndexingProgress) -> String {
    "\(progress.filesDone) of \(progress.filesTotal) files, \(progress.chunks) passages"
  }

  /// Of `IndexingEvent.merging`.
  package static func merging(_ done: Int, of total: Int) -> String {
    "merging the words: \(total > 0 ? done * 100 / total : 0) %"
  }

  package static func text(_ summary: IndexingSummary) -> String {
    let skipped = summary.skipped.values.reduce(0, +)
    return
      "\(summary.added) files added, \(summary.updated) updated, \(summary.unchanged) unchanged, "
      + "\(summary.removed) removed, \(skipped) skipped; \(summary.chunks) passages."
      + summary.warnings.map { " " + $0 }.joined()
  }

  /// Powers of 1024, one decimal from a mebibyte on.
  package static func bytes(_ count: Int) -> String {
    if count < 1 << 20 { return "\(count >> 10) KiB" }
    let (unit, size) = count < 1 << 30 ? ("MiB", 1 << 20) : ("GiB", 1 << 30)
    let tenths = (Double(count) / Double(size) * 10).rounded()
    return "\(Int(tenths) / 10).\(Int(tenths) % 10) \(unit)"
  }
}
