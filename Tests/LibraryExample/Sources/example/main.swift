import CarrelKit

let workspace = Workspace(.resolve())
let watching = Task {
  for await event in workspace.modelEvents() { print(event.id, "is", event.to.name) }
}
for try await event in workspace.addToIndex(["README.md"]) {
  if case .finished(let summary) = event { print(summary.added, "files are new") }
}
for hit in try await workspace.search("memory gate", limit: 3).hits {
  print(hit.path, hit.startLine, hit.score)
}
let session = try await workspace.makeSession()
for try await event in session.ask("How does the memory gate decide?") {
  if case .text(let piece) = event { print(piece, terminator: "") }
  if case .done(let answer) = event { print("\n", answer.citations.count, "citations") }
}
watching.cancel()
