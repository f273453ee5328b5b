import CarrelKit
import FoundationEssentials
import Terminal

extension Printing {
  /// Models in columns; on a narrow screen each on two rows.
  package static func models(_ models: [ModelListing], console: Console) -> String {
    if models.isEmpty { return "No models are known.\n" }
    let columns = console.columns() ?? 100
    let widest = min(44, models.reduce(0) { max($0, DisplayWidth.of($1.id)) })
    var text = ""
    for model in models {
      var facts = [model.role, words(model.state)]
      if let host = model.host { facts.append(host) }
      if let size = model.sizeBytes { facts.append(Format.bytes(size)) }
      if let kind = model.quantization { facts.append(kind) }
      if let fits = model.fits { facts.append(fits ? "fits" : "does not fit") }
      let isThere = model.path != nil || model.host != nil
      let id = Sanitizer.line(model.id)
      let line = facts.map { Sanitizer.line($0) }.joined(separator: ", ")
      let name = console.style.paint(
        DisplayWidth.pad(DisplayWidth.truncate(id, to: max(8, columns - 2)), to: widest),
        isThere ? .bold : .dim)
      if columns >= widest + 2 + DisplayWidth.of(line) {
        text += name + "  " + line + "\n"
      } else {
        text += name + "\n" + HelpText.fold(line, 4, columns, first: 4)
      }
      if let problem = model.problem {
        text += HelpText.fold(Sanitizer.line(problem), 4, columns, first: 4)
      }
    }
    return text
  }

  /// `notInstalled` as `not installed`.
  private static func words(_ state: String) -> String {
    state.map { $0.isUppercase ? " " + $0.lowercased() : String($0) }.joined()
  }

  /// Which model the latest questions got, and why; nothing when none was asked.
  package static func routes(_ routes: [RouteRecord]) -> String {
    guard !routes.isEmpty else { return "" }
    return routes.reduce("Latest questions:\n") { text, record in
      let seconds = Format.fixed(record.seconds, 1)
      return text
        + Sanitizer.line(
          "  \(record.date.ISO8601Format()) \(record.choice), \(seconds) s: \(record.reason)")
        + "\n"
    }
  }

  package static func model(_ model: ModelListing, columns: Int? = nil) -> String {
    var rows = [("Model", model.id), ("Role", model.role), ("State", words(model.state))]
    if let path = model.path { rows.append(("Path", Location.short(path))) }
    if let host = model.host { rows.append(("Host", host)) }
    if let size = model.sizeBytes { rows.append(("Size", Format.bytes(size))) }
    if let kind = model.architecture { rows.append(("Architecture", kind)) }
    if let kind = model.quantization { rows.append(("Quantization", kind)) }
    if let licence = model.licence { rows.append(("Licence", licence)) }
    if let chat = model.chat {
      let isUnknown = chat == "unknown"
      rows.append(
        ("Chat", isUnknown ? "unknown template: prompted like a base model, may be poor" : chat))
    }
    if let fits = model.fits { rows.append(("Memory", fits ? "fits" : "does not fit")) }
    if let problem = model.problem { rows.append(("Problem", problem)) }
    return card(rows, columns: columns)
  }

  /// One card: memory, disk, models, index.
  package static func status(
    _ status: WorkspaceStatus, facts: [(String, String)] = [], columns: Int? = nil
  ) -> String {
    var rows = facts
    let memory = status.memory
    var available = memory.availableBytes.map { Format.bytes($0) + " available" } ?? "unknown"
    if let limit = memory.limitBytes {
      available += " (limit \(Format.bytes(limit))\(memory.limitSource.map { ", \($0)" } ?? ""))"
    }
    rows.append(("Memory", available))
    rows.append(
      (
        "This process",
        "\(Format.bytes(memory.residentBytes)), at most \(Format.bytes(memory.peakBytes))"
      ))
    let free = status.disk.freeBytes.map { ", \(Format.bytes($0)) free" } ?? ""
    rows.append(
      (
        "Disk",
        "models \(Format.bytes(status.disk.modelsBytes)), "
          + "index \(Format.bytes(status.disk.indexBytes))\(free)"
      ))
    let installed = status.models.filter { $0.path != nil || $0.host != nil }
    for (place, model) in installed.enumerated() {
      let state = status.loaded.contains(model.id) ? "loaded" : words(model.state)
      rows.append((place == 0 ? "Models" : "", "\(model.id), \(model.role), \(state)"))
    }
    if installed.isEmpty { rows.append(("Models", "none installed")) }
    if let index = status.index {
      let stale =
        index.stale.map { $0 == 0 ? ", up to date" : ", \(Format.count($0)) changed since" } ?? ""
      rows.append(
        (
          "Index",
          "\(files(index.files)), \(passages(index.chunks))\(stale)"
        ))
    } else {
      rows.append(("Index", "nothing indexed yet"))
    }
    if let kept = status.snapshots {
      let what =
        kept.files == 0
        ? "nothing"
        : "\(kept.files == 1 ? "1 file" : "\(Format.count(kept.files)) files"), "
          + Format.bytes(kept.bytes)
      rows.append(("Read before", "\(what) kept, at most \(Format.bytes(kept.limitBytes))"))
    } else {
      rows.append(("Read before", "not kept (--snapshots off)"))
    }
    return card(rows, columns: columns)
  }

  package static func benchmark(_ rows: [BenchmarkRow]) -> String {
    rows.map { row in
      let figures = "\(figure(row.median)) \(row.unit)"
      let spread =
        row.runs > 1 ? " (\(figure(row.min)) to \(figure(row.max)), \(row.runs) runs)" : ""
      let what = "\(row.name), \(row.metric), \(row.model)"
      return DisplayWidth.pad(Sanitizer.line(what), to: 52) + " " + figures + spread + "\n"
    }.joined()
  }

  /// A table of what was expected and what was measured, then the terms.
  package static func memory(_ m: MemoryMeasurement) -> String {
    func mib(_ bytes: Int) -> String { Format.fixed(Double(bytes) / 1_048_576, 1) }
    func row(_ name: String, _ expected: Int, _ measured: Int) -> String {
      let share = 100 * Double(measured - expected) / Double(max(1, expected))
      return DisplayWidth.pad(name, to: 12) + DisplayWidth.pad(mib(expected), to: 12)
        + DisplayWidth.pad(mib(measured), to: 12) + Format.fixed(share, 1) + " %\n"
    }
    let filled = m.filled == m.context ? "all filled" : "\(Format.count(m.filled)) filled"
    let terms = m.terms.map { "\($0.name) \(mib($0.bytes))" }.joined(separator: " + ")
    return "\(Sanitizer.line(m.model)), \(Format.count(m.context)) tokens (\(filled)), MiB\n"
      + "            expected    measured    difference\n"
      + row("anonymous", m.predictedAnonymous, m.measuredAnonymous)
      + row("mapped", m.predictedMapped, m.measuredMapped)
      + row("peak", m.predictedAnonymous + m.predictedMapped, m.peak) + terms + "\n"
  }

  private static func figure(_ value: Double) -> String {
    value >= 100 ? Format.rate(value) : Format.fixed(value, value >= 10 ? 1 : 2)
  }

  package static func description(_ model: ModelDescription, console: Console) -> String {
    var rows = [
      ("File", model.path), ("Format", model.format), ("Size", Format.bytes(model.sizeBytes)),
      ("Parameters", Format.count(model.parameters)),
      ("Tensors", Format.count(model.tensors.count)),
    ]
    if let name = model.name { rows.append(("Name", name)) }
    if let kind = model.architecture { rows.append(("Architecture", kind)) }
    rows.append(
      (
        "Types",
        model.types.sorted { $0.key < $1.key }.map { "\($0.key) × \($0.value)" }
          .joined(separator: ", ")
      ))
    var text = card(rows, columns: console.columns()) + "\n"
    let columns = console.columns() ?? 120
    for (key, value) in model.metadata.sorted(by: { $0.key < $1.key }) {
      text += DisplayWidth.truncate(Sanitizer.line("\(key) = \(value)"), to: columns) + "\n"
    }
    text += "\n"
    for tensor in model.tensors {
      let shape = tensor.shape.map(String.init).joined(separator: " × ")
      text += Sanitizer.line("\(tensor.name)  \(tensor.type)  \(shape)") + "\n"
    }
    return text
  }

  package static func evaluation(_ scores: RetrievalScores) -> String {
    var text =
      "\(Format.count(scores.queries)) queries, \(Format.count(scores.documents)) documents\n"
    text += "mode      nDCG@10  recall@10  recall@100  MRR@10\n"
    for side in SearchSides.allCases {
      guard let mode = scores.modes[side] else { continue }
      text += DisplayWidth.pad(side.rawValue, to: 10) + Format.fixed(mode.ndcg10, 4) + "   "
      text += Format.fixed(mode.recall10, 4) + "     " + Format.fixed(mode.recall100, 4) + "      "
      text += Format.fixed(mode.mrr10, 4) + "\n"
    }
    return text
  }
}
