import CarrelKit
import FoundationEssentials
import Terminal

/// What a first visit needs: a model, and documents.
extension REPL {
  /// Says what is there and offers what is missing. False when the user wants to leave.
  func greet() async -> Bool {
    guard isInteractive, !console.isQuiet else { return true }
    let report = try? await desk.indexReport(checkingDisk: false)
    let files = report?.files ?? 0
    var text = "Carrel \(CommandTable.version)."
    if let report, files > 0 {
      text += " \(Printing.files(files)), \(Printing.passages(report.chunks)) indexed."
    }
    write(text + " /help lists the commands.")
    guard await offerModel() else { return false }
    return files > 0 || settings["retrieval"] == "off" ? true : await offerIndex()
  }

  // MARK: A model

  private func offerModel() async -> Bool {
    guard let models = try? desk.models(),
      !models.contains(where: { $0.role == "generate" && ($0.path != nil || $0.host != nil) })
    else { return true }
    let fitting = ((try? desk.fetchable()) ?? []).filter { $0.reference != nil && $0.fits != false }
    let offers = Self.ladder(fitting)
    guard !offers.isEmpty else {
      write(
        "\nNo model is installed. Put a GGUF file into the folder of models (`/set models` names it), "
          + "or fetch one: /pull owner/name:Q4_K_M.")
      return true
    }
    let have =
      (try? desk.why())?.haveBytes.map { " in the \(Format.bytes($0)) that are free" } ?? ""
    write("\nNo model is installed. Of those that Carrel knows these fit\(have):")
    for (place, offer) in offers.enumerated() {
      write("\(place + 1) \(offer.name) (\(offer.id))", indent: 5, first: 2)
      write(
        "\(offer.isExact ? "" : "about ")\(Format.bytes(offer.bytes)) to fetch, about "
          + "\(Format.bytes(offer.needBytes)) of memory, \(offer.licence)", indent: 5, first: 5)
    }
    let choices = offers.count == 1 ? "1" : "1-\(offers.count)"
    guard let reply = answer(to: "Fetch one? [\(choices), Return: not now] ") else { return false }
    if reply.isEmpty {
      write("Later: /pull \(offers[0].id)")
      return true
    }
    guard
      let offer = Int(reply).flatMap({ offers.indices.contains($0 - 1) ? offers[$0 - 1] : nil })
        ?? offers.first(where: { $0.id == reply })
    else {
      write("That is none of them. Later: /pull \(offers[0].id)")
      return true
    }
    guard await fetch(offer.id) else { return true }
    if (try? desk.models())?.contains(where: { $0.role == "embed" && $0.path != nil }) == false {
      write(
        "No embedding model is installed either, so search goes by words only. "
          + "/pull bge-small-en-v1.5 adds meaning.")
    }
    return true
  }

  /// Not forty models: the best, the best that is quickly fetched, the best for a small machine.
  static func ladder(_ models: [FetchableModel]) -> [FetchableModel] {
    var rungs: [FetchableModel] = []
    for limit in [Int.max, 3 << 30, 1 << 30] {
      guard let best = models.first(where: { $0.bytes <= limit }), !rungs.contains(best) else {
        continue
      }
      rungs.append(best)
    }
    return rungs
  }

  private func fetch(_ id: String) async -> Bool {
    do {
      let folder = try await Reports.pulling(desk.pull(id), console)
      write("\(id) is in \(Location.short(folder)).")
      return true
    } catch {
      console.status.clear()
      report(error)
      write("/pull \(id) tries again and goes on from there.")
      return false
    }
  }

  // MARK: Documents

  private func offerIndex() async -> Bool {
    let desk = desk
    let folder = start.folder
    guard folder != "/",
      let preview = try? await Interruption.run({
        try await desk.previewIndexing(folder, seconds: 2)
      }), preview.files > 0
    else {
      write("The index is empty: /index add PATH reads your documents.")
      return true
    }
    write(
      "\nNothing is indexed yet. " + Self.describe(preview, short: Location.short(preview.folder)))
    guard let reply = answer(to: "Index this folder? [y, Return: not now] ") else { return false }
    guard ["y", "yes", "j", "ja"].contains(reply.lowercased()) else {
      write("Later: /index add PATH. Without documents: /set retrieval off")
      return true
    }
    do { try await Reports.indexing(desk.addToIndex([preview.folder]), console) } catch {
      console.status.clear()
      report(error)
    }
    return true
  }

  /// How many files and bytes, of which kinds, and what would be left out.
  static func describe(_ preview: IndexPreview, short: String) -> String {
    let more = preview.isPartial ? "at least " : ""
    var text =
      "This folder (\(Sanitizer.line(short == preview.folder ? preview.folder : short))) has "
    let files = preview.files == 1 ? "1 file" : "\(Format.count(preview.files)) files"
    text += "\(more)\(files) to read, \(Format.bytes(preview.bytes)): "
    let shown = preview.kinds.prefix(6)
    text += shown.map {
      "\(Format.count($0.files)) \(Sanitizer.line($0.suffix)) (\(Format.bytes($0.bytes)))"
    }.joined(separator: ", ")
    let others = preview.kinds.dropFirst(6).reduce(0) { $0 + $1.files }
    if others > 0 { text += ", \(Format.count(others)) others" }
    text += "."
    let skipped = preview.skipped.filter { $0.value > 0 }.sorted { $0.key < $1.key }
    if !skipped.isEmpty {
      text += " Left out: "
      text += skipped.map { "\(Format.count($0.value)) \($0.key)" }.joined(separator: ", ") + "."
    }
    return text
  }

  /// One line from the user; "" for none, nil to leave the program.
  private func answer(to prompt: String) -> String? {
    // A bare "y" is nothing to come back to.
    lines.setHistory(isOn: false)
    defer { lines.setHistory(isOn: settings["history"] != "off") }
    return switch lines.next(prompt: prompt, text: "") {
    case .submitted(let line, _): REPLCommand.trim(line)
    case .endOfInput: nil
    case .interrupted, .suspended, .editExternally: ""
    }
  }
}
