import Glibc
import Retrieval

// A process that changes an index, for tests that kill it, starve it or take its rights away.
//
//   IndexProbe INDEX add PATH… | remove PATH… | refresh | rebuild | search QUERY
//
// PROBE_DELAY: microseconds to wait for each batch of the embedder. PROBE_MERGE: merge the words of an index
// of any size, one page a step. PROBE_DROP: become nobody first when started as root, so that permissions
// count.

/// Vectors from the words of a text, the same as those of the tests.
struct ProbeEmbedder: Embedder {
  let identity = EmbedderIdentity(
    name: "words", sha256: "00", dimension: 64, pooling: "mean", prefix: "")
  var delay: UInt64 = 0

  func embed(_ texts: [String]) async throws -> [Float] {
    if delay > 0 { try await Task.sleep(nanoseconds: delay * 1000) }
    return texts.flatMap { vector($0) }
  }

  private func vector(_ text: String) -> [Float] {
    var vector = [Float](repeating: 0, count: identity.dimension)
    for word in text.lowercased().split(whereSeparator: { !$0.isLetter && !$0.isNumber }) {
      var hash: UInt64 = 14_695_981_039_346_656_037
      for byte in word.utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
      vector[Int(hash % UInt64(identity.dimension))] += hash & 0x10000 == 0 ? 1 : -1
    }
    let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return length > 0 ? vector.map { $0 / length } : vector
  }
}

func finish(_ events: AsyncThrowingStream<IndexEvent, any Error>) async throws {
  for try await case .finished(let summary) in events {
    print(
      "added \(summary.added) updated \(summary.updated) removed \(summary.removed)",
      "unchanged \(summary.unchanged) skipped \(summary.skipped.values.reduce(0, +))")
  }
}

func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

let words = Array(CommandLine.arguments.dropFirst())
guard words.count >= 2 else { exit(2) }
if variable("PROBE_DROP") != nil, geteuid() == 0 {
  guard setgid(65_534) == 0, setuid(65_534) == 0 else { exit(3) }
}
let embedder = ProbeEmbedder(delay: variable("PROBE_DELAY").flatMap { UInt64($0) } ?? 0)
var options = IndexOptions()
if variable("PROBE_MERGE") != nil { (options.wordMerge.least, options.wordMerge.pages) = (1, 1) }
let rest = Array(words.dropFirst(2))
do {
  let index = try DocumentIndex.open(folder: words[0], readOnly: words[1] == "search")
  switch words[1] {
  case "add": try await finish(index.add(rest, embedder: embedder, options: options))
  case "refresh": try await finish(index.refresh(embedder: embedder, options: options))
  case "rebuild": try await finish(index.rebuild(embedder: embedder, options: options))
  case "remove": print("removed \(try index.remove(rest))")
  case "search":
    let search = try SearchService(index: index, embedder: embedder)
    for hit in try await search.search(rest.joined(separator: " "), limit: 5) { print(hit.path) }
  default: exit(2)
  }
} catch {
  // To standard output: the tests read one pipe.
  print("failed: \(error)")
  exit(1)
}
