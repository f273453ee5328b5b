import CarrelKit
import Terminal

/// Models, status and measurements.
extension CommandRunner {
  func models() async throws {
    if wantsJSON {
      console.json(JSONForms.models(try desk.models()))
    } else {
      try await Reports.models(desk, console)
    }
  }

  func showModel() throws {
    let id = invocation.arguments[0]
    let models = try desk.models()
    guard let model = models.first(where: { $0.id == id }) else {
      let hint =
        Suggestion.nearest(to: id, among: models.map(\.id)).map { " Did you mean \($0)?" } ?? ""
      throw CarrelError(
        .notInstalled, "There is no model \(id).\(hint) `carrel models` lists them.")
    }
    if wantsJSON {
      console.json(JSONForms.model(model))
    } else {
      console.write(Printing.model(model, columns: console.columns()))
    }
  }

  func why() async throws {
    if wantsJSON {
      console.json(
        JSONForms.gate(try desk.why(), routes: desk.recentRoutes(Reports.routesShown)))
    } else {
      try await Reports.why(desk, console)
    }
  }

  func verifyModel() async throws {
    let desk = desk
    let id = invocation.arguments[0]
    let status = console.status
    let files = try await Interruption.run { () -> [VerifiedFile] in
      var meter = ProgressMeter(label: "verifying", unit: .bytes)
      let files = try desk.verifyModel(id) { done, total in
        meter.update(done: done, total: total, now: Clock.seconds())
        status.show(meter.line())
        return !Task.isCancelled
      }
      return files.map {
        VerifiedFile(name: $0.file, sha256: $0.sha256, wasExpected: $0.wasExpected)
      }
    }
    console.status.clear()
    if wantsJSON {
      console.json(
        .object([
          ("id", .string(id)), ("ok", .bool(true)),
          (
            "files",
            .array(
              files.map {
                .object([
                  ("name", .string($0.name)), ("sha256", .string($0.sha256)),
                  ("inCatalogue", .bool($0.wasExpected)),
                ])
              })
          ),
        ]))
      return
    }
    for file in files {
      let verdict = file.wasExpected ? "as in the catalogue" : "not in the catalogue"
      console.line("\(file.sha256)  \(Sanitizer.line(file.name))  \(verdict)")
    }
  }

  private struct VerifiedFile: Sendable {
    let name: String
    let sha256: String
    let wasExpected: Bool
  }

  func status() async throws {
    if wantsJSON {
      console.json(JSONForms.status(try await desk.status()))
    } else {
      try await Reports.status(desk, console)
    }
  }

  func bench() async throws {
    let desk = desk
    let runs = invocation.integer("--runs") ?? 3
    let asked = invocation.arguments.compactMap(BenchmarkKind.init(rawValue:))
    let kinds = asked.isEmpty ? BenchmarkKind.allCases.filter { $0 != .memory } : asked
    var rows: [BenchmarkRow] = []
    for kind in kinds {
      console.status.show("measuring \(kind.rawValue)", now: true)
      if kind == .memory {
        rows += try await benchMemory()
        continue
      }
      // Nobody waits for a prompt here, and what was written is to be taken away.
      let measured = try await Interruption.run(grace: .seconds(3)) {
        try await desk.benchmark(kind, runs: runs, folder: nil)
      }
      console.status.clear()
      if !wantsJSON { console.write(Printing.benchmark(measured)) }
      rows += measured
    }
    if wantsJSON { console.json(JSONForms.benchmark(rows)) }
  }

  private func benchMemory() async throws -> [BenchmarkRow] {
    let desk = desk
    let (model, fill) = (invocation.text("--model"), invocation.integer("--fill"))
    let status = console.status
    let measured = try await Interruption.run {
      try await desk.measureMemory(model, tokens: fill) { done, total in
        status.show("filling the context \(Format.count(done))/\(Format.count(total))")
      }
    }
    console.status.clear()
    if !wantsJSON { console.write(Printing.memory(measured)) }
    return measured.rows
  }

  func evaluate() async throws {
    let desk = desk
    let folder = invocation.arguments[0]
    let split = invocation.text("--split")
    let status = console.status
    let scores = try await Interruption.run {
      try await desk.evaluateRetrieval(folder: folder, split: split) { stage, done, total in
        status.show("\(stage) \(Format.count(done))/\(Format.count(total))")
      }
    }
    console.status.clear()
    if wantsJSON {
      console.json(JSONForms.evaluation(scores))
    } else {
      console.write(Printing.evaluation(scores))
    }
  }
}
