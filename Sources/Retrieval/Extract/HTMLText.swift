/// Turns HTML into Markdown-like text: headings, paragraphs, list items, preformatted blocks. It
/// reads any bytes in linear time and never fails; it is no browser, and no filter against one.
struct HTMLText {
  private let source: [UInt8]
  private var position = 0
  private var output: [UInt8] = []
  private var title: [UInt8] = []
  private var inTitle = false
  private var preformatted = 0
  /// White space waits here until something visible follows.
  private var pendingSpace = false
  private var pendingBreaks = 0

  static func convert(_ source: [UInt8]) -> ExtractedText {
    var reader = HTMLText(source: source)
    reader.run()
    return ExtractedText(
      utf8: reader.output, kind: .markdown,
      title: TextExtractor.title(reader.title), isConverted: true,
      encoding: .utf8)
  }

  /// The character set that the first KiB names, as `<meta charset=…>` or as part of a content type.
  static func declaredCharset(_ bytes: UnsafeRawBufferPointer) -> String? {
    let head = String(decoding: bytes.prefix(1024), as: UTF8.self).lowercased()
    for tag in head.split(separator: "<") where tag.hasPrefix("meta") {
      guard let value = tag.split(separator: "charset", maxSplits: 1).dropFirst().first else {
        continue
      }
      let name = value.drop { "= \"'".contains($0) }
        .prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "-_:.".contains($0)) }
      if !name.isEmpty { return String(name) }
    }
    return nil
  }

  private init(source: [UInt8]) {
    self.source = source
    output.reserveCapacity(source.count / 2)
  }

  private mutating func run() {
    while position < source.count {
      let byte = source[position]
      if byte == UInt8(ascii: "<"), let next = peek(1), isTagStart(next) {
        readTag()
      } else if byte == UInt8(ascii: "&") {
        readEntity()
      } else {
        emit(byte)
        position += 1
      }
    }
  }

  private func peek(_ distance: Int) -> UInt8? {
    position + distance < source.count ? source[position + distance] : nil
  }

  private func isTagStart(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "/") || byte == UInt8(ascii: "!") || byte == UInt8(ascii: "?")
      || (byte | 0x20 >= 97 && byte | 0x20 <= 122)
  }

  // MARK: Output

  private mutating func emit(_ byte: UInt8) {
    if inTitle {
      if !isSpace(byte) {
        title.append(byte)
      } else if let last = title.last, last != 32 {
        title.append(32)
      }
      return
    }
    if preformatted > 0 {
      settle()
      output.append(byte)
    } else if isSpace(byte) {
      pendingSpace = true
    } else {
      settle()
      output.append(byte)
    }
  }

  private mutating func emit(_ text: String) { for byte in text.utf8 { emit(byte) } }

  private mutating func settle() {
    if pendingBreaks > 0 {
      if !output.isEmpty {
        output.append(contentsOf: repeatElement(10, count: min(pendingBreaks, 2)))
      }
    } else if pendingSpace, !output.isEmpty, output.last != 10 {
      output.append(32)
    }
    pendingBreaks = 0
    pendingSpace = false
  }

  private mutating func breakLine(_ count: Int) {
    pendingBreaks = max(pendingBreaks, count)
    pendingSpace = false
  }

  // MARK: Tags

  private mutating func readTag() {
    if matches("<!--") {
      position = find("-->", from: position + 4) ?? source.count
      return
    }
    var index = position + 1
    let closes = index < source.count && source[index] == UInt8(ascii: "/")
    if closes { index += 1 }
    let nameStart = index
    while index < source.count, isNameByte(source[index]) { index += 1 }
    let name = String(decoding: source[nameStart..<index].prefix(16), as: UTF8.self).lowercased()
    index = tagEnd(from: index)
    position = index
    // As XHTML has it, and e-books are XHTML: where a browser would read on to an end tag, a page could
    // be lost, and here it is a few lines of a script at worst that are kept.
    let isEmpty = source[..<index].suffix(2).elementsEqual("/>".utf8)
    if closes {
      close(name)
    } else if !isEmpty || !Self.holders.contains(name) {
      open(name)
    }
  }

  private func isNameByte(_ byte: UInt8) -> Bool {
    (byte | 0x20 >= 97 && byte | 0x20 <= 122) || (byte >= 48 && byte <= 57)
  }

  /// After the ">" of a tag; quoted attribute values may contain one.
  private func tagEnd(from start: Int) -> Int {
    var index = start
    var quote: UInt8 = 0
    while index < source.count {
      let byte = source[index]
      index += 1
      if quote != 0 {
        if byte == quote { quote = 0 }
        // A quote that never closes would swallow the document.
        if index - start > 65_536 { break }
      } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
        quote = byte
      } else if byte == UInt8(ascii: ">") {
        return index
      }
    }
    return source[start...].firstIndex(of: UInt8(ascii: ">")).map { $0 + 1 } ?? source.count
  }

  private mutating func open(_ name: String) {
    switch name {
    case _ where Self.hidden.contains(name):
      position = find("</" + name, from: position).map { tagEnd(from: $0) } ?? source.count
    case "title":
      inTitle = title.isEmpty
    case "h1", "h2", "h3", "h4", "h5", "h6":
      breakLine(2)
      emit(String(repeating: "#", count: Int(name.dropFirst()) ?? 1) + " ")
    case "pre":
      breakLine(2)
      settle()
      output.append(contentsOf: "```\n".utf8)
      preformatted += 1
    case "li":
      breakLine(1)
      emit("- ")
    case "br": breakLine(1)
    case "tr", "dt", "dd", "option": breakLine(1)
    case "td", "th": pendingSpace = true
    case _ where Self.blocks.contains(name): breakLine(2)
    default: break
    }
  }

  private mutating func close(_ name: String) {
    switch name {
    case "title": inTitle = false
    case "pre":
      if preformatted > 0 {
        preformatted -= 1
        if output.last != 10 { output.append(10) }
        output.append(contentsOf: "```".utf8)
      }
      breakLine(2)
    case "h1", "h2", "h3", "h4", "h5", "h6": breakLine(2)
    case "td", "th":
      if !output.isEmpty { emit("\t") }
      pendingSpace = true
    case _ where Self.blocks.contains(name): breakLine(2)
    default: break
    }
  }

  /// What is in them is not read.
  private static let hidden: Set<String> = [
    "script", "style", "template", "noscript", "svg", "math",
  ]

  /// What they hold is taken otherwise than text.
  private static let holders = hidden.union(["title", "pre"])

  private static let blocks: Set<String> = [
    "p", "div", "section", "article", "header", "footer", "main", "nav", "aside", "table", "ul",
    "ol", "dl", "blockquote", "figure", "figcaption", "form", "fieldset", "hr", "address", "body",
    "details", "summary",
  ]

  // MARK: Entities

  private mutating func readEntity() {
    let limit = min(source.count, position + 12)
    guard let end = source[position..<limit].firstIndex(of: UInt8(ascii: ";")) else {
      emit(UInt8(ascii: "&"))
      position += 1
      return
    }
    let name = source[(position + 1)..<end]
    if let text = Self.entity(name) {
      if inTitle || text != "\u{a0}" { for byte in text.utf8 { emit(byte) } } else { emit(32) }
      position = end + 1
    } else {
      emit(UInt8(ascii: "&"))
      position += 1
    }
  }

  private static func entity(_ name: ArraySlice<UInt8>) -> String? {
    let text = String(decoding: name, as: UTF8.self)
    guard text.first == "#" else { return names[text] }
    let digits = text.dropFirst()
    let value =
      digits.first == "x" || digits.first == "X"
      ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
    guard let value, value != 0, let scalar = Unicode.Scalar(value) else { return nil }
    return String(Character(scalar))
  }

  private static let names: [String: String] = [
    "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": "\u{a0}", "ndash": "–",
    "mdash": "—", "hellip": "…", "lsquo": "‘", "rsquo": "’", "ldquo": "“", "rdquo": "”",
    "copy": "©", "reg": "®", "trade": "™", "deg": "°", "times": "×", "middot": "·", "bull": "•",
    "laquo": "«", "raquo": "»", "euro": "€", "pound": "£", "sect": "§", "para": "¶", "eacute": "é",
    "egrave": "è", "agrave": "à", "uuml": "ü", "ouml": "ö", "auml": "ä", "szlig": "ß", "Uuml": "Ü",
    "Ouml": "Ö", "Auml": "Ä", "ccedil": "ç", "ntilde": "ñ", "rarr": "→", "larr": "←", "le": "≤",
    "ge": "≥", "ne": "≠", "plusmn": "±", "micro": "µ", "alpha": "α", "beta": "β", "pi": "π",
  ]

  // MARK: Search, ASCII case ignored

  private func matches(_ text: String) -> Bool { matches(Array(text.utf8), at: position) }

  private func matches(_ text: [UInt8], at start: Int) -> Bool {
    guard start + text.count <= source.count else { return false }
    for index in 0..<text.count {
      var byte = source[start + index]
      if byte >= 65 && byte <= 90 { byte |= 0x20 }
      if byte != text[index] { return false }
    }
    return true
  }

  /// After the first occurrence of `text` (lower case).
  private func find(_ text: String, from start: Int) -> Int? {
    let bytes = Array(text.utf8)
    var index = start
    while index + bytes.count <= source.count {
      if source[index] == bytes[0], matches(bytes, at: index) { return index + bytes.count }
      index += 1
    }
    return nil
  }
}
