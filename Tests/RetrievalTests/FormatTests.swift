import Glibc
import Retrieval
import TestSupport
import Testing

@Suite("Packed files and mail")
struct FormatTests {
  static let fixtures: String = {
    let file = #filePath
    return String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)]) + "/Fixtures/"
  }()

  private func read(_ name: String) throws -> [UInt8] {
    guard case .bytes(let bytes, _, _) = FileBytes.read(ScannedFile(path: Self.fixtures + name))
    else { throw RetrievalError(.io, "The fixture \(name) cannot be read.", subject: name) }
    return bytes
  }

  private func extract(
    _ name: String, _ bytes: [UInt8], converters: Converters = Converters()
  ) -> TextExtractor.Outcome {
    bytes.withUnsafeBytes {
      TextExtractor(converters: converters).extract(path: name, bytes: $0)
    }
  }

  private func text(_ outcome: TextExtractor.Outcome) -> String? {
    if case .text(let text) = outcome { return String(decoding: text.utf8, as: UTF8.self) }
    return nil
  }

  private static let packed = (0..<1500).map {
    "Line \($0) of the text: \($0) squared is \($0 * $0).\n"
  }.joined()

  @Test(
    "Unpacks what zlib packed, in every kind of block and header",
    arguments: ["stored", "fast", "best", "fixed", "huffman", "members", "header"])
  func gzip(name: String) throws {
    let outcome = extract("a.txt.gz", try read("gzip/\(name).txt.gz"))
    #expect(text(outcome) == Self.packed)
    if case .text(let found) = outcome { #expect(found.isConverted && found.kind == .text) }
  }

  @Test("Reads what is inside by the name inside, once, and what is not packed as it is")
  func gzipNames() throws {
    let bytes = try read("gzip/best.txt.gz")
    if case .text(let found) = extract("notes.md.gz", bytes) { #expect(found.kind == .markdown) }
    #expect(FileFormat(name: "a.c.gz") == .gzip(.plain(.code)))
    #expect(FileFormat(name: "a.gz.gz.gz") == .gzip(.plain(.text)))
    #expect(text(extract("access.log.gz", Array("plain".utf8))) == "plain")
    guard case .skipped(.binary) = extract("a.pdf.gz", bytes) else {
      return #expect(Bool(false))
    }
  }

  @Test("A bomb ends with a reason, and so does every damaged file, in bounded time")
  func gzipHostile() throws {
    let bomb = try read("gzip/bomb.txt.gz")
    guard case .skipped(.conversionFailed(let reason)) = extract("a.gz", bomb) else {
      return #expect(Bool(false))
    }
    #expect(reason == "it unpacks to more than 4 MiB")
    var random = Seeded(4)
    for name in ["best", "fixed", "header", "members", "fast"] {
      let whole = try read("gzip/\(name).txt.gz")
      for _ in 0..<60 {
        var bytes = whole
        for _ in 0..<Int.random(in: 1...3, using: &random) {
          bytes[Int.random(in: 4..<bytes.count, using: &random)] = UInt8.random(
            in: .min ... .max, using: &random)
        }
        // The checksum finds every change but those of the header.
        if let found = text(extract("a.txt.gz", bytes)) { #expect(found == Self.packed) }
        let cut = Array(whole[..<Int.random(in: 18..<whole.count - 40, using: &random)])
        if name != "members" { #expect(text(extract("a.txt.gz", cut)) == nil) }
      }
    }
  }

  /// What Python's email module wrote, and what a person would read.
  private static let mails: [(name: String, title: String, lines: [String], missing: [String])] = [
    (
      "quoted", "Über die Gärten von Köln und was man im Frühling dort findet",
      [
        "From: Ada Löve <ada@example.org>", "To: bob@example.org",
        "Date: Mon, 5 Jan 2026 10:00:00 +0100",
        "Grüße aus Köln: "
          + String(
            repeating: "ein langer Satz mit vielen Wörtern, der umbrochen werden muss ", count: 4),
        "= gleich = und ein Punkt", ".",
      ], ["=C3"]
    ),
    ("latin", "Café", ["café crème £ 5"], ["\u{fffd}"]),
    ("alternative", "Two ways", ["The plain words."], ["rich", "<p>"]),
    ("html", "Page", ["# Hall", "Only & ever HTML: süß"], ["<h1>"]),
    (
      "mixed", "All kinds",
      [
        "Subject: All kinds", "The plain words.", "col1,col2", "1,2",
        "[Attachment: Zeichnung für Ödön.bin]", "Subject: Inner", "The inner letter.",
      ], ["AAECAw", "=====", "rich"]
    ),
  ]

  @Test("Reads mail: headers, encodings, alternatives, attachments", arguments: 0..<5)
  func mail(number: Int) throws {
    let mail = Self.mails[number]
    let outcome = extract("a.eml", try read("mail/\(mail.name).eml"))
    guard case .text(let found) = outcome else { return #expect(Bool(false)) }
    let body = String(decoding: found.utf8, as: UTF8.self)
    let lines = body.split(separator: "\n").map(String.init)
    #expect(found.title == mail.title && found.isConverted)
    for line in mail.lines { #expect(lines.contains(line), "\(line) in \(body)") }
    for word in mail.missing { #expect(!body.contains(word), "\(word)") }
  }

  /// As Python's codecs write them.
  private static let charsets: [(name: String, bytes: [UInt8], text: String)] = [
    ("koi8-r", [0xe2, 0xc1, 0xd2, 0xd3, 0xd5, 0xcb], "Барсук"),
    ("windows-1251", [0xa8, 0xe6, 0xe8, 0xea], "Ёжик"),
    ("iso-8859-2", [0xa3, 0xf3, 0x64, 0xbc], "Łódź"),
    ("Shift_JIS", [0x92, 0x4b, 0x82, 0xcd, 0x87, 0x40], "狸は①"),
    ("iso-2022-jp", [0x1b, 0x24, 0x42, 0x38, 0x51, 0x1b, 0x28, 0x42], "狐"),
    ("gb2312", [0xd0, 0xdc, 0xc3, 0xa8], "熊猫"),
    ("euc-kr", [0xc8, 0xa3, 0xb6, 0xfb, 0xc0, 0xcc], "호랑이"),
    ("big5", [0xbf, 0xdf, 0xc0, 0x59, 0xc6, 0x4e], "貓頭鷹"),
  ]

  @Test("Reads mail in the character set it names", arguments: 0..<8)
  func charset(number: Int) throws {
    let set = Self.charsets[number]
    let word = "=?\(set.name)?Q?" + set.bytes.map { "=" + hex($0) }.joined() + "?="
    let mail = "Subject: \(word)\nContent-Type: text/plain; charset=\"\(set.name)\"\n\n"
    let outcome = extract("a.eml", Array(mail.utf8) + set.bytes)
    #expect(text(outcome) == "Subject: \(set.text)\n\n\(set.text)\n\n")
    // This byte is a letter of the first three sets, and nothing in the others.
    let broken = extract("a.eml", Array(mail.utf8) + set.bytes + [10, 0xff])
    if number > 2 { #expect(text(broken) == "Subject: \(set.text)\n\n\(set.text)\n?\n\n") }
  }

  private func hex(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
  }

  @Test("Survives any mail: cut, spliced and nested without end", arguments: 0..<30)
  func hostileMail(seed: Int) throws {
    var random = Seeded(UInt64(seed) + 77)
    let parts = [
      "Content-Type: multipart/mixed; boundary=b\n", "\n", "--b\n", "--b--\n", "\r\n", "x: y\n",
      " folded\n", "Subject: =?utf-8?q?=C3?= =?utf-8?q?=BC?=\n", "=?x?b?!!!?=", "=?utf-8?b?",
      "Content-Transfer-Encoding: base64\n", "Content-Transfer-Encoding: quoted-printable\n",
      "Content-Type: message/rfc822\n", "Content-Type: text/html; charset=utf-16\n", "=\n", "=ZZ",
      "Content-Type: multipart/alternative; boundary=\"\n", "words ", "\u{0}", ":", "é", "\t",
    ]
    var mail = ""
    for _ in 0..<800 { mail += parts.randomElement(using: &random)! }
    let bytes = Array(mail.utf8).filter { $0 != 0 || seed % 3 == 0 }
    if let found = text(extract("a.eml", bytes)) {
      #expect(String(validating: found.utf8, as: UTF8.self) != nil)
    }
    let nested =
      String(
        repeating: "Content-Type: message/rfc822\n\n", count: 20_000) + "end"
    _ = extract("a.eml", Array(nested.utf8))
  }

  @Test("Knows UTF-16 without a mark, and no binary file as such")
  func bareWide() {
    let words = "Naïve Straße\nand a second line"
    let little = words.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    let big = words.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
    for bytes in [little, big] {
      let outcome = extract("a.txt", bytes)
      #expect(text(outcome) == words)
      guard case .text(let found) = outcome else { continue }
      found.utf8.withUnsafeBytes { utf8 in
        let map = OffsetMap(found.encoding, text: utf8)
        let line = words.utf8.count - "and a second line".utf8.count
        #expect(map.original(line, text: utf8) == bytes.count - 2 * "and a second line".count)
      }
    }
    let numbers = (0..<2000).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    #expect(text(extract("a.txt", numbers)) == nil)
    #expect(text(extract("a.txt", [UInt8](repeating: 0, count: 4096))) == nil)
  }

  @Test("Knows programs by their first line, and languages by their names")
  func scripts() {
    if case .text(let found) = extract("bin/tool", Array("#!/bin/sh\necho\n".utf8)) {
      #expect(found.kind == .code)
    }
    for name in ["a.zig", "b.nim", "CMakeLists.txt", "c.PY", "d.tsx", "Makefile", "e.lean"] {
      #expect(FileFormat(name: name) == .plain(.code), "\(name)")
    }
    #expect(FileFormat(name: "letter.eml") == .mail)
  }

  @Test("A converter that eats memory is ended, and the machine goes on")
  func memoryLimit() {
    let folder = TemporaryFolder()
    // `tail` keeps the one line it is given in memory.
    chmod(
      folder.write("pandoc", "#!/bin/sh\nhead -c 900m /dev/zero | tail -n 1 | head -c 1\n"), 0o755)
    var converters = Converters(folders: [folder.path])
    converters.limits.memory = 64 << 20
    let outcome = extract("a.docx", [1], converters: converters)
    guard case .skipped = outcome else { return #expect(Bool(false), "\(outcome)") }
  }

  @Test("A file whose converter is missing is not even read")
  func missingConverter() {
    let extractor = TextExtractor(converters: Converters(folders: []))
    #expect(
      extractor.missingConverter(for: "a.odt")?.description
        == "needs pandoc to read office and e-book files (install pandoc)")
    #expect(extractor.missingConverter(for: "a.txt") == nil)
  }
}
