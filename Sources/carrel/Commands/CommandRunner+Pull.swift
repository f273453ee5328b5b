import CarrelKit
import Terminal

/// Fetching models.
extension CommandRunner {
  func pull() async throws {
    let folder = try await Reports.pulling(desk.pull(invocation.arguments[0]), console)
    if wantsJSON {
      console.json(
        .object([("id", .string(invocation.arguments[0])), ("path", .string(folder))]))
    } else {
      console.line(Sanitizer.line(folder))
    }
  }
}
