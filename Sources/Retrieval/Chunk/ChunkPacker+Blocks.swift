// Where blocks begin and end in each kind of content.
extension ChunkPacker {
  /// Paragraphs: runs of lines between blank ones.
  mutating func packText(_ lines: inout LineReader) {
    var open: Block?
    while let line = lines.next() {
      if lines.isBlank(line) {
        if let done = open { append(done, seam: .blankLine) }
        open = nil
      } else {
        extend(&open, line)
        if bytesOf(open) > maximumBlockBytes { close(&open) }
      }
    }
    if let done = open { append(done, seam: .blankLine) }
  }

  /// Definitions: a line that begins in the first column after a blank one opens the next block,
  /// unless it closes a bracket. A definition that must be cut lends its first line as heading.
  mutating func packCode(_ lines: inout LineReader) {
    var open: Block?
    var afterBlank = false
    while let line = lines.next() {
      if lines.isBlank(line) {
        afterBlank = true
        continue
      }
      let first = bytes[line.range.lowerBound]
      let opens = afterBlank && !isSpace(first) && !Self.closesBracket(first)
      if opens || bytesOf(open) > maximumBlockBytes { appendDefinition(&open) }
      afterBlank = false
      extend(&open, line)
    }
    appendDefinition(&open)
  }

  /// Records: one a line. The column names of a table are a heading of every later passage.
  mutating func packRows(_ lines: inout LineReader, hasHeader: Bool) {
    while let line = lines.next() {
      if lines.isBlank(line) { continue }
      var block: Block?
      extend(&block, line)
      append(block!, seam: .line)
      if hasHeader, headings.isEmpty {
        let name = text(lines.trimmed(line))
        headings = [
          Heading(
            text: name, level: 1, offset: line.range.lowerBound,
            tokens: count(
              line.range.lowerBound..<min(line.range.upperBound, line.range.lowerBound + 160)))
        ]
      }
    }
  }

  mutating func packMarkdown(_ lines: inout LineReader) {
    var open: Block?
    var openLines = 0
    var fence: (mark: UInt8, count: Int)?
    while let line = lines.next() {
      let body = lines.trimmed(line)
      if let current = fence {
        if !body.isEmpty { extend(&open, line) }
        if Self.closesFence(bytes, body, current) || bytesOf(open) > maximumBlockBytes {
          close(&open, seam: .block)
          if Self.closesFence(bytes, body, current) { fence = nil }
        }
        continue
      }
      if body.isEmpty {
        close(&open)
        openLines = 0
        continue
      }
      if let opened = Self.opensFence(bytes, body) {
        // A short line just before ("For example:") stays with its fence by packing, not here.
        close(&open)
        openLines = 0
        fence = opened
        extend(&open, line)
        continue
      }
      if lines.indentation(line) < 4, let level = Self.headingLevel(bytes, body) {
        close(&open)
        openLines = 0
        var block: Block?
        extend(&block, line)
        addHeading(headingText(body, level), level: level, block: block!)
        continue
      }
      if openLines == 1, let level = Self.underlineLevel(bytes, body), var block = open {
        let name = text(trimmedRange(bytes, block.range))
        block.range = block.range.lowerBound..<body.upperBound
        block.endLine = line.number
        open = nil
        openLines = 0
        addHeading(name, level: level, block: block)
        continue
      }
      extend(&open, line)
      openLines += 1
      if bytesOf(open) > maximumBlockBytes { close(&open) }
    }
    close(&open, seam: fence == nil ? .blankLine : .block)
  }

  /// Blocks longer than this are passed on in parts: they must be cut anyway, and counting their
  /// tokens as a whole would only cost time.
  private var maximumBlockBytes: Int { chunker.room * 64 }

  private func bytesOf(_ block: Block?) -> Int { block?.range.count ?? 0 }

  private mutating func close(_ block: inout Block?, seam: Seam = .blankLine) {
    if let done = block { append(done, seam: seam) }
    block = nil
  }

  private mutating func appendDefinition(_ block: inout Block?) {
    guard let done = block else { return }
    block = nil
    let name = definitionName(done)
    headings = [
      Heading(
        text: name.map { text($0, limit: 100) } ?? "", level: 1, offset: done.range.lowerBound,
        tokens: name.map { min(count($0), chunker.room / 8) } ?? 0)
    ]
    if name == nil { headings = [] }
    append(done)
  }

  /// The first line that is no comment and no attribute.
  private func definitionName(_ block: Block) -> Range<Int>? {
    var lines = LineReader(bytes, in: block.range, firstLine: block.startLine)
    var tried = 0
    while let line = lines.next(), tried < 40 {
      tried += 1
      let body = lines.trimmed(line)
      guard let first = body.first.map({ bytes[$0] }) else { continue }
      if Self.commentMarks.contains(first) { continue }
      if first == UInt8(ascii: "-"), body.count > 1, bytes[body.lowerBound + 1] == first {
        continue
      }
      return body.lowerBound..<min(body.upperBound, body.lowerBound + 100)
    }
    return nil
  }

  private static func closesBracket(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "}") || byte == UInt8(ascii: ")") || byte == UInt8(ascii: "]")
  }

  private static let commentMarks: Set<UInt8> = Set("/#*@\"'".utf8)

  // MARK: Markdown lines (CommonMark 0.31, sections 4.2, 4.3 and 4.5)

  static func headingLevel(_ bytes: UnsafeRawBufferPointer, _ body: Range<Int>) -> Int? {
    var level = 0
    while level < body.count, bytes[body.lowerBound + level] == UInt8(ascii: "#") { level += 1 }
    guard (1...6).contains(level) else { return nil }
    return level == body.count || isSpace(bytes[body.lowerBound + level]) ? level : nil
  }

  func headingText(_ body: Range<Int>, _ level: Int) -> String {
    var range = trimmedRange(bytes, body.lowerBound + level..<body.upperBound)
    var end = range.upperBound
    while end > range.lowerBound, bytes[end - 1] == UInt8(ascii: "#") { end -= 1 }
    if end == range.lowerBound || isSpace(bytes[max(end - 1, 0)]) {
      range = trimmedRange(bytes, range.lowerBound..<end)
    }
    return text(range)
  }

  static func underlineLevel(_ bytes: UnsafeRawBufferPointer, _ body: Range<Int>) -> Int? {
    let mark = bytes[body.lowerBound]
    guard mark == UInt8(ascii: "=") || mark == UInt8(ascii: "-") else { return nil }
    for index in body where bytes[index] != mark { return nil }
    return mark == UInt8(ascii: "=") ? 1 : 2
  }

  static func opensFence(_ bytes: UnsafeRawBufferPointer, _ body: Range<Int>) -> (
    mark: UInt8, count: Int
  )? {
    let mark = bytes[body.lowerBound]
    guard mark == UInt8(ascii: "`") || mark == UInt8(ascii: "~") else { return nil }
    var count = 0
    while count < body.count, bytes[body.lowerBound + count] == mark { count += 1 }
    guard count >= 3 else { return nil }
    if mark == UInt8(ascii: "`") {
      for index in body.dropFirst(count) where bytes[index] == mark { return nil }
    }
    return (mark, count)
  }

  static func closesFence(
    _ bytes: UnsafeRawBufferPointer, _ body: Range<Int>, _ fence: (mark: UInt8, count: Int)
  ) -> Bool {
    guard body.count >= fence.count else { return false }
    for index in body where bytes[index] != fence.mark { return false }
    return true
  }
}
