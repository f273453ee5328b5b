import Glibc
import Retrieval
import Testing

@Suite("Chunker")
struct ChunkerTests {
  private func chunks(_ text: String, _ kind: ContentKind, limit: Int = 40, overlap: Int = 0)
    -> [(Chunk, String)]
  {
    var utf8 = text
    return utf8.withUTF8 { buffer in
      let raw = UnsafeRawBufferPointer(buffer)
      return Chunker(limit: limit, minimum: 8, overlap: overlap).chunks(of: raw, kind: kind).map {
        ($0, String(decoding: raw[$0.range], as: UTF8.self))
      }
    }
  }

  static let pieces = [
    "# Title\n", "## Part *one*\n", "### Deep ###\n", "Under\n=====\n",
    "plain words here. And more!\n",
    "\n", "\n\n", "   \t\n", "```swift\nlet a = 1\n\nlet b = 2\n```\n", "~~~\nopen\n",
    "- item one\n- two\n",
    "func f() {\n  return 1\n}\n", "}\n", "x,y,z\n", "ünïcödé 漢字かな交じり文 🙂🙂\n", "\r\n", "a\r\n",
    String(repeating: "long ", count: 90), String(repeating: "x", count: 700), "\u{c}", "|a|b|\n",
    String(repeating: "漢", count: 120) + "\n", "{\"k\": [1, 2, 3]}\n", "// comment\n",
    "#include <a>\n", String(repeating: "「索引は速い。」データ、", count: 20),
    String(repeating: "น้ำเก่า", count: 30) + "\n",
  ]

  @Test(
    "Covers every visible byte, in order, without overlap, within the limit", arguments: 0..<150)
  func properties(seed: Int) throws {
    var random = Seeded(UInt64(seed) + 7)
    var text = ""
    for _ in 0..<Int.random(in: 0...60, using: &random) {
      text += Self.pieces.randomElement(using: &random)!
    }
    let utf8 = Array(text.utf8)
    let lineStarts = [0] + utf8.indices.filter { utf8[$0] == 10 }.map { $0 + 1 }
    for kind in ContentKind.allCases {
      for limit in [16, 40, 200] {
        let found = chunks(text, kind, limit: limit)
        var end = 0
        for (chunk, body) in found {
          #expect(chunk.range.lowerBound >= end)
          #expect(utf8[end..<chunk.range.lowerBound].allSatisfy { $0 <= 32 })
          #expect(Array(body.utf8) == Array(utf8[chunk.range]))
          #expect(chunk.startLine == lineStarts.count { $0 <= chunk.range.lowerBound })
          #expect(chunk.endLine == lineStarts.count { $0 < chunk.range.upperBound })
          #expect(chunk.inheritedHeadings <= chunk.headings.count)
          #expect(chunk.embeddedHeadings <= chunk.inheritedHeadings)
          #expect(chunk.tokens <= max(limit, 16) || body.count == 1)
          let tokens = Array(body.utf8).withUnsafeBytes { TokenEstimate.count($0) }
          #expect(tokens <= max(limit, 16) || body.count == 1, "\(tokens) of \(limit): \(body)")
          end = chunk.range.upperBound
        }
        #expect(utf8[end...].allSatisfy { $0 <= 32 })
      }
    }
  }

  @Test(
    "Repeats whole sentences and lines of the passage before, within the limit and the section",
    arguments: 0..<60)
  func overlap(seed: Int) {
    var random = Seeded(UInt64(seed) + 99)
    var text = ""
    for _ in 0..<40 { text += Self.pieces.randomElement(using: &random)! }
    let utf8 = Array(text.utf8)
    func tokens(_ range: Range<Int>) -> Int {
      utf8[range].withUnsafeBytes { TokenEstimate.count($0) }
    }
    for kind in ContentKind.allCases {
      // Records are not repeated, and fill the limit.
      let isRecords = kind == .rows || kind == .table
      let plain = chunks(text, kind, limit: isRecords ? 40 : 40 - 12)
      let found = chunks(text, kind, limit: 40, overlap: 12)
      #expect(found.map(\.0.range.upperBound) == plain.map(\.0.range.upperBound))
      for ((chunk, body), (own, _)) in zip(found, plain) {
        #expect(Array(body.utf8) == Array(utf8[chunk.range]))
        #expect(chunk.headings == own.headings && chunk.endLine == own.endLine)
        #expect(tokens(chunk.range.lowerBound..<own.range.lowerBound) <= 12)
        #expect(tokens(chunk.range) <= 40 || own.range.count == 1)
        #expect(utf8[..<chunk.range.lowerBound].count { $0 == 10 } == chunk.startLine - 1)
        if chunk.range.lowerBound < own.range.lowerBound {
          #expect(own.inheritedHeadings == own.headings.count && kind != .rows && kind != .table)
        }
      }
      for ((before, _), (after, _)) in zip(plain, found.dropFirst()) {
        #expect(after.range.lowerBound > before.range.lowerBound)
      }
    }
  }

  @Test("A passage in the middle of a section begins with the last sentences of the one before")
  func repeats() {
    let sentences = (1...12).map { "This is sentence number \($0) of them all." }
    let found = chunks(sentences.joined(separator: " "), .text, limit: 40, overlap: 12)
    #expect(found.count > 2)
    for ((_, before), (_, after)) in zip(found, found.dropFirst()) {
      let last = sentences.last { before.hasSuffix($0) }
      #expect(last.map(after.hasPrefix) == true, "\(after)")
    }
    let body = sentences.prefix(3).joined(separator: " ")
    let sections = chunks(
      "# One\n\n\(body)\n\n# Two\n\n\(body)\n", .markdown, limit: 60, overlap: 12)
    #expect(sections.map { $0.1.hasPrefix("#") } == [true, true])
  }

  @Test("Carries the headings above a passage")
  func headings() {
    let body = String(repeating: "word ", count: 30)
    let text = "# Guide\n\n\(body)\n\n## Install\n\n\(body)\n\n\(body)\n\n## Use\n\n\(body)\n"
    let found = chunks(text, .markdown, limit: 40)
    #expect(
      found.map(\.0.headings) == [
        ["Guide"], ["Guide", "Install"], ["Guide", "Install"], ["Guide", "Use"],
      ])
    #expect(found.map(\.0.inheritedHeadings) == [0, 1, 2, 1])
    #expect(found[1].1.hasPrefix("## Install"))
  }

  @Test(
    "Deep and long headings leave half of a passage to its text: the innermost are embedded with it"
  )
  func deepHeadings() {
    func tokens(_ text: String) -> Int {
      Array(text.utf8).withUnsafeBytes { TokenEstimate.count($0) }
    }
    let words = String(repeating: "heading words ", count: 10)
    var text = ""
    for level in 1...6 {
      text += String(repeating: "#", count: level) + " \(level) \(words)\n\nshort\n\n"
    }
    text += String(repeating: "Some sentence of body words. ", count: 60)
    let found = chunks(text, .markdown, limit: 100)
    for (chunk, body) in found {
      let context = chunk.headings.prefix(chunk.inheritedHeadings).suffix(chunk.embeddedHeadings)
      #expect(tokens(body) + context.reduce(0) { $0 + tokens($1) } <= chunk.tokens)
      #expect(chunk.tokens <= 100)
    }
    let last = found.filter { $0.0.inheritedHeadings == 6 }
    #expect(last.count > 3)
    for (chunk, body) in last.dropLast() {
      #expect(chunk.embeddedHeadings > 0 && chunk.embeddedHeadings < 6 && tokens(body) >= 40)
    }
    // A heading of any length has no more than is carried of it.
    let long = chunks("# " + String(repeating: "word ", count: 2000) + "\n\n" + text, .markdown)
    #expect(long.allSatisfy { $0.0.tokens <= 40 })
  }

  @Test("Keeps a fence whole where it fits, and its # lines are no headings")
  func fences() {
    let filler = String(repeating: "word ", count: 30)
    let code = "```sh\n# not a heading\n\nrun it\n```"
    let found = chunks("\(filler)\n\n\(code)\n\n\(filler)", .markdown, limit: 40)
    #expect(found.contains { $0.1.contains(code) })
    #expect(found.allSatisfy { $0.0.headings.isEmpty })
  }

  @Test("Splits code at definitions and lends a cut definition its first line")
  func code() {
    let lines = (0..<30).map { "  let value\($0) = compute(\($0))" }.joined(separator: "\n")
    let text = "import A\n\nfunc small() {\n  1\n}\n\n// Big one.\nfunc big() {\n\(lines)\n}\n"
    let found = chunks(text, .code, limit: 60)
    #expect(found.count > 3)
    #expect(found.last?.0.headings == ["func big() {"])
    #expect(found.last?.0.inheritedHeadings == 1)
    #expect(found[0].1.contains("func small() {\n  1\n}"))
  }

  @Test("Puts the column names above every passage of a table")
  func tables() {
    let rows = (0..<60).map { "\($0),name\($0),value" }.joined(separator: "\n")
    let found = chunks("id,name,value\n" + rows, .table)
    #expect(found.count > 2)
    #expect(found.dropFirst().allSatisfy { $0.0.headings == ["id,name,value"] })
  }

  @Test("Cuts one line of 20 MB in a few seconds, at sentences and between characters")
  func longLine() {
    let text = String(repeating: "Some sentence of words. ", count: 200_000)
    let bare = String(repeating: "漢字", count: 2_500_000)
    let start = clock()
    let sentences = chunks(text, .text, limit: 200)
    #expect(sentences.dropLast().allSatisfy { $0.1.hasSuffix(".") })
    #expect(chunks(bare, .text, limit: 200).count > 10_000)
    #expect(Double(clock() - start) / Double(CLOCKS_PER_SEC) < 10)
  }
}
