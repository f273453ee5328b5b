import Glibc
import Retrieval
import TestSupport
import Testing

@Suite("Passages after an edit")
struct StabilityTests {
  private static let words = [
    "apple", "engine", "tide", "gate", "memory", "token", "index", "winter", "honey", "stroke",
    "harbour", "lantern", "mirror", "quartz", "ribbon", "salt", "the", "of", "and", "in", "is",
  ]

  private static func sentence(_ random: inout Seeded, _ range: ClosedRange<Int>) -> String {
    (0..<Int.random(in: range, using: &random)).map { _ in words.randomElement(using: &random)! }
      .joined(separator: " ")
  }

  /// About a megabyte of lines of one kind.
  private static func document(_ kind: String, _ random: inout Seeded) -> [String] {
    var lines: [String] = []
    var size = 0
    while size < 1_000_000 {
      var more: [String] = []
      switch kind {
      case "md":
        more = ["## " + sentence(&random, 1...4), ""]
        for _ in 0..<Int.random(in: 1...6, using: &random) {
          more += [sentence(&random, 10...80) + ".", ""]
        }
      case "txt":
        for _ in 0..<Int.random(in: 1...7, using: &random) {
          more.append(sentence(&random, 6...14))
        }
        more.append("")
      case "py":
        more = ["def \(sentence(&random, 1...1))_\(lines.count)(a, b):"]
        for _ in 0..<Int.random(in: 1...25, using: &random) {
          more.append("    " + sentence(&random, 2...9))
          if Int.random(in: 0..<6, using: &random) == 0 { more.append("") }
        }
        more += ["", ""]
      case "jsonl": more = ["{\"id\": \(lines.count), \"text\": \"\(sentence(&random, 3...20))\"}"]
      default: more = ["\(lines.count),\(sentence(&random, 1...4)),\(sentence(&random, 2...5))"]
      }
      lines += more
      size += more.reduce(0) { $0 + $1.utf8.count + 1 }
    }
    return lines
  }

  private static func passages(_ lines: [String], _ kind: String) -> Set<String> {
    let contentKind: ContentKind =
      switch kind {
      case "md": .markdown
      case "txt": .text
      case "py": .code
      case "jsonl": .rows
      default: .table
      }
    var text = lines.joined(separator: "\n")
    return text.withUTF8 { utf8 in
      let bytes = UnsafeRawBufferPointer(utf8)
      return Set(
        IndexOptions().chunker(for: nil).chunks(of: bytes, kind: contentKind).map {
          $0.headings.prefix($0.inheritedHeadings).joined(separator: " > ") + "\n"
            + String(decoding: bytes[$0.range], as: UTF8.self)
        })
    }
  }

  @Test(
    "A changed, added or removed line in a megabyte makes one or two new passages, seldom more",
    arguments: ["md", "txt", "py", "jsonl", "csv"])
  func edits(kind: String) {
    var random = Seeded(9)
    let lines = Self.document(kind, &random)
    let before = Self.passages(lines, kind)
    var fresh: [Int] = []
    for edit in 0..<30 {
      var changed = lines
      let place = Int.random(in: 1..<lines.count, using: &random)
      switch edit % 3 {
      case 0: changed[place] += " edited"
      case 1: changed.insert("    a new line \(edit)", at: place)
      default: changed.remove(at: place)
      }
      fresh.append(Self.passages(changed, kind).subtracting(before).count)
    }
    fresh.sort()
    #expect(fresh[15] <= 2 && fresh[26] <= 8 && fresh[29] <= 24, "\(fresh)")
  }

  @Test("The embedder is asked for the changed passages of a large file only")
  func embedderCalls() async throws {
    let documents = TemporaryFolder()
    let home = TemporaryFolder()
    let embedder = WordEmbedder()
    var random = Seeded(12)
    var lines = Self.document("md", &random)
    documents.write("large.md", lines.joined(separator: "\n"))
    let index = try DocumentIndex.open(folder: home.path + "/index")
    let first = try await index.add([documents.path], embedder: embedder).summary()
    #expect(first.embedded > 1000)
    let before = embedder.counter.total
    lines[lines.count / 2] += " edited"
    documents.write("large.md", lines.joined(separator: "\n"))
    let second = try await index.refresh(embedder: embedder).summary()
    #expect(second.updated == 1 && second.chunks > 1000)
    #expect((1...2).contains(embedder.counter.total - before))
    #expect(try index.verify().isEmpty)
  }
}
