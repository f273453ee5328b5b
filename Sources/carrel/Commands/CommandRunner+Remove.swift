import CarrelKit
import Terminal

/// Taking models off the disk.
extension CommandRunner {
  /// Says what would go, asks, and removes it.
  func removeModel() async throws {
    let id = invocation.arguments[0]
    let plan = try desk.removalPlan(id)
    if !invocation.has("--yes") {
      for path in plan.files { console.remark("  " + Sanitizer.line(path)) }
      guard isTerminal else {
        throw UsageError(
          "Removing \(id) frees \(Format.bytes(plan.bytes)); without a terminal to ask at it needs "
            + "`--yes`.", command: invocation.command.path)
      }
      console.remark("Remove \(id) and free \(Format.bytes(plan.bytes))? [y/N]")
      let answer = readLine()?.lowercased() ?? ""
      guard ["y", "yes"].contains(answer) else {
        console.remark("Nothing was removed.")
        return
      }
    }
    let freed = try await desk.removeModel(id)
    if wantsJSON {
      console.json(
        .object([
          ("id", .string(id)), ("freedBytes", .integer(freed)),
          ("files", .array(plan.files.map { .string($0) })),
        ]))
    } else {
      console.line("\(Sanitizer.line(id)) is removed; \(Format.bytes(freed)) are free.")
    }
  }
}
