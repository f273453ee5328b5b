import Glibc
import Retrieval
import TestSupport
import Testing

@Suite("Text extraction")
struct ExtractionTests {
  private func extract(_ name: String, _ bytes: [UInt8], converters: Converters? = nil)
    -> TextExtractor.Outcome
  {
    bytes.withUnsafeBytes {
      (converters.map { TextExtractor(converters: $0) } ?? TextExtractor()).extract(
        path: name, bytes: $0)
    }
  }

  private func text(_ name: String, _ bytes: [UInt8]) -> ExtractedText? {
    if case .text(let text) = extract(name, bytes) { return text }
    return nil
  }

  private func reason(_ outcome: TextExtractor.Outcome) -> SkipReason? {
    if case .skipped(let reason) = outcome { return reason }
    return nil
  }

  @Test("Reads UTF-8, UTF-16 of both orders and Windows-1252, and maps offsets back")
  func encodings() throws {
    let words = "naïve “quotes” – café\nsecond line"
    let wide = Array(words.utf16)
    var narrow: [UInt8] = []
    for scalar in words.unicodeScalars {
      switch scalar.value {
      case 0x201c: narrow.append(0x93)
      case 0x201d: narrow.append(0x94)
      case 0x2013: narrow.append(0x96)
      default: narrow.append(UInt8(scalar.value))
      }
    }
    let files: [([UInt8], TextEncoding)] = [
      (Array(words.utf8), .utf8), ([0xef, 0xbb, 0xbf] + Array(words.utf8), .utf8WithMark),
      ([0xff, 0xfe] + wide.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }, .utf16LittleEndian),
      ([0xfe, 0xff] + wide.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }, .utf16BigEndian),
      (narrow, .windows1252),
    ]
    for (bytes, encoding) in files {
      let found = try #require(text("a.txt", bytes))
      #expect(found.encoding == encoding)
      #expect(String(decoding: found.utf8, as: UTF8.self) == words)
      found.utf8.withUnsafeBytes { utf8 in
        let map = OffsetMap(encoding, text: utf8)
        let second = words.utf8.count - "second line".utf8.count
        let original = map.original(second, text: utf8)
        let rest = bytes[original...].filter { $0 != 0 }
        #expect(String(decoding: rest, as: UTF8.self) == "second line", "\(encoding)")
        #expect(map.original(utf8.count, text: utf8) == bytes.count)
      }
    }
  }

  @Test("Calls NUL bytes, control bytes and undecodable bytes binary, and blanks empty")
  func binary() {
    #expect(reason(extract("a.txt", [65, 0, 66])) == .binary)
    #expect(reason(extract("a.txt", (0..<256).map { UInt8($0) })) == .binary)
    #expect(reason(extract("a.txt", .init(repeating: 0xfe, count: 99))) == .binary)
    #expect(reason(extract("a.txt", Array(" \n\t\r\n".utf8))) == .empty)
    #expect(reason(extract("a.txt", [])) == .empty)
  }

  @Test("One damaged byte does not make a text binary, or another encoding, or move what follows")
  func damagedUTF8() throws {
    let words = "Енот живёт в лесу. "
    for damage: [UInt8] in [[0xff], [0xc3], [0xe2, 0x82], [0xed, 0xa0, 0x80]] {
      for mark: [UInt8] in [[], [0xef, 0xbb, 0xbf]] {
        let bytes = mark + Array(words.utf8) + damage + Array("\nend".utf8)
        let found = try #require(text("a.txt", bytes))
        let shown = words + String(repeating: "?", count: damage.count) + "\nend"
        #expect(String(decoding: found.utf8, as: UTF8.self) == shown)
        found.utf8.withUnsafeBytes {
          let map = OffsetMap(found.encoding, text: $0)
          #expect(map.original($0.count - 3, text: $0) == bytes.count - 3)
        }
      }
    }
    // More strange bytes than characters: it was Latin-1, with one pair that looks like UTF-8.
    let latin = try #require(
      text("a.txt", Array("a long line of Latin text ".utf8) + [0xe4, 0xc3, 0xa4]))
    #expect(String(decoding: latin.utf8, as: UTF8.self).hasSuffix("äÃ¤"))
  }

  @Test("UTF-16 without a mark may be in any alphabet; UTF-32 is no UTF-16")
  func wideAlphabets() throws {
    let words = "Договор о выдре был подписан.\n"
    let little: [UInt8] = words.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    let big: [UInt8] = words.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
    for bytes in [little, big] {
      #expect(text("a.txt", bytes).map { String(decoding: $0.utf8, as: UTF8.self) } == words)
    }
    let four: [UInt8] = "The tapir".utf8.flatMap { [$0, 0, 0, 0] }
    #expect(reason(extract("a.txt", [0xff, 0xfe, 0, 0] + four)) == .binary)
  }

  @Test("Reads a page in the character set it names, unless it is UTF-8")
  func namedCharset() throws {
    let body: [UInt8] = [0xa8, 0xe6, 0xe8, 0xea]  // Windows-1251
    for head in [
      "<meta charset=windows-1251>", "<META CHARSET='Windows-1251'/>",
      "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=windows-1251\">",
    ] {
      let page = Array(head.utf8) + Array("<p>".utf8) + body + Array(" wanders".utf8)
      let found = try #require(text("a.html", page))
      #expect(String(decoding: found.utf8, as: UTF8.self) == "Ёжик wanders", "\(head)")
      let utf8 = try #require(text("a.html", Array((head + "<p>Ёжик").utf8)))
      #expect(String(decoding: utf8.utf8, as: UTF8.self) == "Ёжик")
    }
  }

  @Test("Turns HTML into headings, paragraphs, items and code, without scripts")
  func html() throws {
    let page = """
      <!DOCTYPE html><html><head><title>A &amp; B</title><style>p { x: "<p>" }</style>
      <script>if (a < b) { document.write("</p>") }</script></head>
      <body><!-- <p>no</p> --><h2 class="a>b">Head&nbsp;ing</h2><p>One <b>two</b>
      three&#33; &lt;tag&gt; &unknown; 1 < 2<ul><li>x<li>y</ul><pre>a
        b</pre><table><tr><td>c</td><td>d</td></tr></table>end</body>
      """
    let found = try #require(text("a.html", Array(page.utf8)))
    let body = String(decoding: found.utf8, as: UTF8.self)
    #expect(found.title == "A & B")
    #expect(found.isConverted && found.kind == .markdown)
    #expect(body.hasPrefix("## Head ing\n\nOne two three! <tag> &unknown; 1 < 2"))
    #expect(body.contains("- x\n- y"))
    #expect(body.contains("```\na\n  b\n```"))
    #expect(!body.contains("document.write") && !body.contains("no</p>"))
  }

  @Test("Survives any HTML in linear time", arguments: 0..<40)
  func hostileHTML(seed: Int) {
    var random = Seeded(UInt64(seed) + 5)
    let parts = [
      "<", ">", "\"", "'", "&", ";", "<!--", "-->", "<script", "</script", "<pre>", "</pre>",
      "<h1>",
      "<title>", "</title>", "&#", "&#xfffffff;", "é", "x", " ", "</", "<a href='", "=",
    ]
    var page = ""
    for _ in 0..<3000 { page += parts.randomElement(using: &random)! }
    if case .text(let text) = extract("a.html", Array(page.utf8)) {
      #expect(String(validating: text.utf8, as: UTF8.self) != nil)
    }
  }

  @Test("Reads the cells of notebooks, old and new")
  func notebooks() throws {
    let book = """
      {"cells": [{"cell_type": "markdown", "source": ["# Data\\n", "text"]},
       {"cell_type": "code", "source": "print(1)", "outputs": [{"text": "secret"}]}],
       "metadata": {"kernelspec": {"language": "python"}}, "nbformat": 4}
      """
    let found = try #require(text("a.ipynb", Array(book.utf8)))
    #expect(
      String(decoding: found.utf8, as: UTF8.self)
        == "# Data\ntext\n\n```python\nprint(1)\n```\n\n")
    #expect(found.title == "Data" && found.isConverted)
    #expect(text("a.ipynb", Array("{\"no\": 1}".utf8))?.isConverted == false)
    let old = """
      {"worksheets": [{"cells": [{"cell_type": "heading", "level": 2, "source": "Part"},
       {"cell_type": "code", "input": ["x = 1"]}]}],
       "metadata": {"language_info": {"name": "julia"}}, "nbformat": 3}
      """
    #expect(
      text("a.ipynb", Array(old.utf8)).map { String(decoding: $0.utf8, as: UTF8.self) }
        == "## Part\n\n```julia\nx = 1\n```\n\n")
  }

  @Test("Says what to install when a converter is missing")
  func missingConverter() {
    let none = Converters(folders: [])
    guard case .needsConverter(let sentence) = reason(extract("a.pdf", [1], converters: none))
    else { return #expect(Bool(false)) }
    #expect(sentence.contains("poppler-utils"))
    guard case .needsConverter(let other) = reason(extract("a.docx", [1], converters: none)) else {
      return #expect(Bool(false))
    }
    #expect(other.contains("pandoc"))
  }

  @Test("Takes a converter's text, bounds its time and size, reports its failure")
  func converters() throws {
    let folder = TemporaryFolder()
    func install(_ script: String) {
      chmod(folder.write("pdftotext", "#!/bin/sh\n" + script), 0o755)
    }
    var converters = Converters(folders: [folder.path])
    install("echo \"text of $5\"")
    guard case .text(let text) = extract("/x/a.pdf", [1], converters: converters) else {
      return #expect(Bool(false))
    }
    #expect(String(decoding: text.utf8, as: UTF8.self) == "text of /x/a.pdf\n")
    install("exit 3")
    #expect(
      reason(extract("a.pdf", [1], converters: converters))
        == .conversionFailed("pdftotext ended with status 3"))
    install("while :; do echo bomb bomb bomb; done")
    converters.limits.output = 100_000
    guard case .text(let bomb) = extract("a.pdf", [1], converters: converters) else {
      return #expect(Bool(false))
    }
    #expect(bomb.utf8.count == 100_000)
  }

  @Test(
    "A converter that waits, is killed, or lives on without a word is ended, and not the file's fault"
  )
  func hinderedConverter() throws {
    let folder = TemporaryFolder()
    var converters = Converters(folders: [folder.path])
    converters.limits.time = 0.4
    let fate = "pdftotext took longer than 0 s"
    let scripts: [(String, SkipReason)] = [
      ("sleep 60", .notConverted(fate)), ("exec >&-; sleep 60", .notConverted(fate)),
      ("while :; do :; done", .conversionFailed(fate)),
      ("kill -9 $$", .notConverted("pdftotext was ended by signal 9")),
      ("kill -11 $$", .conversionFailed("pdftotext was ended by signal 11")),
      ("exit 127", .notConverted("pdftotext ended with status 127")),
      ("exit 1", .conversionFailed("pdftotext ended with status 1")),
    ]
    for (script, expected) in scripts {
      chmod(folder.write("pdftotext", "#!/bin/sh\n" + script), 0o755)
      let start = Clock.seconds()
      let found = reason(extract("a.pdf", [1], converters: converters))
      // How much of its time the busy one gets is the machine's affair.
      if !script.hasPrefix("while") { #expect(found == expected, "\(script)") }
      #expect(Clock.seconds() - start < 10, "\(script)")
      #expect(SkipReason(description: expected.description) == expected)
    }
  }

  @Test("A cell of a notebook may be a MiB of backticks")
  func notebookFence() throws {
    let ticks = String(repeating: "`", count: 1 << 20)
    let book = "{\"cells\": [{\"cell_type\": \"code\", \"source\": \"\(ticks)\\nx\"}]}"
    let start = Clock.seconds()
    let found = try #require(text("a.ipynb", Array(book.utf8)))
    #expect(Clock.seconds() - start < 5)
    let fence = ticks + "`"
    #expect(String(decoding: found.utf8, as: UTF8.self) == "\(fence)\n\(ticks)\nx\n\(fence)\n\n")
  }

  @Test(
    "An element without content takes nothing with it",
    arguments: [
      "<script src=\"x\"/>", "<svg viewBox='0 0 1 1' />", "<title/>", "<style/>", "<math/>",
      "<noscript/>", "<template/>", "<pre/>", "<script src=x></script>",
    ])
  func emptyElements(element: String) throws {
    let page = try #require(text("a.xhtml", Array("\(element)<p>One.</p> <p>Two.</p>".utf8)))
    #expect(String(decoding: page.utf8, as: UTF8.self) == "One.\n\nTwo.")
    #expect(page.title == "")
  }

  @Test(
    "The title of a Markdown file is a heading, not a comment in a fence, and ends at a character")
  func markdownTitles() throws {
    func title(_ markdown: String) throws -> String {
      try #require(text("a.md", Array(markdown.utf8))).title
    }
    #expect(try title("```sh\n# install it\n```\n\n# Guide #\n") == "Guide")
    #expect(try title("~~~\nx\n===\n~~~\nReal\n====\n") == "Real")
    #expect(try title("    # code\n\n# Guide\n") == "Guide")
    let long = "x" + String(repeating: "ü", count: 100)
    let cut = "x" + String(repeating: "ü", count: 79)
    #expect(try title("# \(long)\n") == cut)
    #expect(try title("\(long)\n===\n") == cut)
    #expect(
      try #require(text("a.html", Array("<title>\(long)</title><p>y".utf8))).title == cut)
  }
}
