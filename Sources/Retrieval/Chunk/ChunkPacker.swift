/// Fills passages with blocks, cutting blocks that are too large at ever finer seams.
struct ChunkPacker {
  /// A heading above the current position.
  struct Heading {
    var text: String
    var level: Int
    /// Where its line begins: a passage that begins after it inherits it.
    var offset: Int
    var tokens: Int
  }

  /// Whole lines (or part of one) that belong together; no blank lines at its ends.
  struct Block {
    var range: Range<Int>
    var startLine: Int
    var endLine: Int
  }

  /// Seams at which a block too large is cut, coarsest first.
  enum Seam: Int, Comparable {
    case block, blankLine, line, withinLine
    static func < (a: Seam, b: Seam) -> Bool { a.rawValue < b.rawValue }
    var finer: Seam { Seam(rawValue: rawValue + 1) ?? .withinLine }
  }

  /// A block of the passage being filled.
  private struct Part {
    var block: Block
    var tokens: Int
    var isHeading: Bool
    /// Those it stands under, its own included.
    var headings: [Heading]
  }

  let bytes: UnsafeRawBufferPointer
  let chunker: Chunker
  private(set) var chunks: [Chunk] = []
  var headings: [Heading] = []

  // The passage being filled; empty while `parts` is.
  private var parts: [Part] = []
  private var tokens = 0
  private var context: [Heading] = []
  private var hasContent = false

  init(bytes: UnsafeRawBufferPointer, chunker: Chunker) {
    self.bytes = bytes
    self.chunker = chunker
  }

  func count(_ range: Range<Int>) -> Int {
    chunker.countTokens(UnsafeRawBufferPointer(rebasing: bytes[range]))
  }

  /// A string of at most `limit` bytes of a range, cut at a character.
  func text(_ range: Range<Int>, limit: Int = 160) -> String {
    var end = min(range.upperBound, range.lowerBound + limit)
    while end > range.lowerBound, end < range.upperBound, bytes[end] & 0xc0 == 0x80 { end -= 1 }
    return String(decoding: bytes[range.lowerBound..<end], as: UTF8.self)
  }

  /// Tokens left for text beside the headings a passage beginning at `offset` inherits.
  /// Headings never take more than half.
  private func room(at offset: Int) -> Int {
    chunker.room - fitting(headings.filter { $0.offset < offset }, into: chunker.room / 2).tokens
  }

  /// The innermost of some headings that have so many tokens at most.
  private func fitting(_ headings: [Heading], into most: Int) -> (count: Int, tokens: Int) {
    var fit = (count: 0, tokens: 0)
    for heading in headings.reversed() {
      if fit.tokens + heading.tokens > most { break }
      fit = (fit.count + 1, fit.tokens + heading.tokens)
    }
    return fit
  }

  /// Takes a heading's line: what follows stands under it.
  mutating func addHeading(_ text: String, level: Int, block: Block) {
    let closes = headings.contains { $0.level >= level }
    if tokens >= chunker.minimum || (closes && hasContent) { flush() }
    headings.removeAll { $0.level >= level }
    // As much of it as is carried.
    let start = block.range.lowerBound
    headings.append(
      Heading(
        text: text, level: level, offset: start,
        tokens: count(start..<min(block.range.upperBound, start + 160))))
    append(block, seam: .blankLine, isHeading: true)
  }

  /// Takes a block; `seam` is the coarsest seam at which it may be cut.
  mutating func append(_ block: Block, seam: Seam = .block, isHeading: Bool = false) {
    guard !block.range.isEmpty else { return }
    let size = count(block.range)
    if !parts.isEmpty, tokens + size > room(at: parts[0].block.range.lowerBound) {
      // A block that must be cut anyway fills what is left of a passage that is small so far.
      if size <= room(at: block.range.lowerBound) || tokens >= chunker.room / 2
        || seam == .withinLine
      {
        flushAtAnchor(before: block, size)
      }
    }
    if size + tokens > room(at: parts.first?.block.range.lowerBound ?? block.range.lowerBound) {
      return cut(block, at: seam)
    }
    take(block, size, isHeading)
  }

  private mutating func take(_ block: Block, _ size: Int, _ isHeading: Bool) {
    if !hasContent {
      context = headings
      hasContent = !isHeading
    }
    parts.append(Part(block: block, tokens: size, isHeading: isHeading, headings: headings))
    tokens += size
  }

  /// Ends the passage because `block` does not fit: at the seam of its last part that the text itself
  /// marks most, by a hash of what follows the seam. Passages after an edit therefore soon end where
  /// they ended before it, and keep their vectors.
  private mutating func flushAtAnchor(before block: Block, _ size: Int) {
    guard parts.count > 1 else { return flush() }
    var best = parts.count
    var mark = anchor(block)
    var carried = 0
    for index in stride(from: parts.count - 1, to: 0, by: -1) {
      carried += parts[index].tokens
      if (tokens - carried) * 8 < chunker.room * 5
        || carried + size > room(at: parts[index].block.range.lowerBound)
      {
        break
      }
      let other = anchor(parts[index].block)
      if other > mark { (best, mark) = (index, other) }
    }
    let rest = Array(parts[best...])
    parts.removeSubrange(best...)
    tokens -= rest.reduce(0) { $0 + $1.tokens }
    flush()
    for part in rest {
      if !hasContent {
        context = part.headings
        hasContent = !part.isHeading
      }
      parts.append(part)
      tokens += part.tokens
    }
  }

  /// FNV-1a of how a block begins.
  private func anchor(_ block: Block) -> UInt32 {
    var hash: UInt32 = 2_166_136_261
    for byte in bytes[block.range].prefix(48) { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
    // The low bits are mixed best.
    return hash &* 0x9e37_79b1
  }

  private mutating func cut(_ block: Block, at seam: Seam) {
    switch seam {
    case .block: cutAtBlankLines(block)
    case .blankLine:
      var lines = LineReader(bytes, in: block.range, firstLine: block.startLine)
      while let line = lines.next() {
        if lines.isBlank(line) { continue }
        append(
          Block(
            range: line.range.lowerBound..<trimmedRange(bytes, line.range).upperBound,
            startLine: line.number, endLine: line.number), seam: .line)
      }
    case .line, .withinLine: cutWithinLine(block)
    }
  }

  private mutating func cutAtBlankLines(_ block: Block) {
    var lines = LineReader(bytes, in: block.range, firstLine: block.startLine)
    var open: Block?
    while let line = lines.next() {
      if lines.isBlank(line) {
        if let done = open { append(done, seam: .blankLine) }
        open = nil
      } else {
        extend(&open, line)
      }
    }
    if let done = open { append(done, seam: .blankLine) }
  }

  /// Makes `block` reach to the end of `line`, which has something visible.
  func extend(_ block: inout Block?, _ line: Line) {
    let end = trimmedRange(bytes, line.range).upperBound
    if block == nil {
      block = Block(
        range: line.range.lowerBound..<end, startLine: line.number, endLine: line.number)
    } else {
      block!.range = block!.range.lowerBound..<end
      block!.endLine = line.number
    }
  }

  /// Cuts one long line at sentences, else at white space, else between characters.
  private mutating func cutWithinLine(_ block: Block) {
    var start = block.range.lowerBound
    while start < block.range.upperBound {
      var used = parts.isEmpty ? 0 : tokens
      var space = room(at: parts.first?.block.range.lowerBound ?? start) - used
      if space < chunker.room / 4, !parts.isEmpty {
        flush()
        used = 0
        space = room(at: start)
      }
      let end = pieceEnd(from: start, in: block.range, space: space)
      let piece = trimmedRange(bytes, start..<end)
      if !piece.isEmpty {
        take(
          Block(range: piece, startLine: block.startLine, endLine: block.endLine), count(piece),
          false)
      }
      start = end
      if start < block.range.upperBound { flush() }
    }
  }

  /// The end of the longest piece from `start` with at most `space` tokens, at the best seam.
  private func pieceEnd(from start: Int, in range: Range<Int>, space: Int) -> Int {
    var length = min(range.upperBound - start, max(space, 1) * 8)
    while true {
      let end = seam(from: start, before: start + length, in: range)
      let size = count(start..<end)
      if size <= space || length <= 4 { return end }
      length = max(4, min(length - 1, (end - start) * space / size))
    }
  }

  private func seam(from start: Int, before limit: Int, in range: Range<Int>) -> Int {
    if limit >= range.upperBound { return range.upperBound }
    let floor = start + (limit - start) / 2
    var index = limit
    var space: Int?
    while index > floor {
      if bytes[index - 1] >= 0x80, let mark = UnspacedSeam(bytes, at: index) {
        if mark == .sentence { return index }
        if space == nil { space = index }
      } else if isSpace(bytes[index - 1]) {
        if space == nil { space = index }
        if index - 2 >= start, Self.endsSentence(bytes[index - 2]) { return index }
      }
      index -= 1
    }
    if let space { return space }
    // No white space: between characters. A character never begins with a continuation byte.
    index = limit
    while index > start, !UnspacedSeam.mayCut(bytes, at: index) { index -= 1 }
    if index > start { return index }
    index = limit
    while index > start, bytes[index] & 0xc0 == 0x80 { index -= 1 }
    if index > start { return index }
    index = limit
    while index < range.upperBound, bytes[index] & 0xc0 == 0x80 { index += 1 }
    return index
  }

  private static func endsSentence(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ".") || byte == UInt8(ascii: "!") || byte == UInt8(ascii: "?")
      || byte == UInt8(ascii: ";")
  }

  /// Ends the passage being filled.
  mutating func flush() {
    defer { hasContent = false }
    guard let first = parts.first, let last = parts.last else { return clear() }
    let start = first.block.range.lowerBound
    let inherited = context.filter { $0.offset < start }
    let embedded = fitting(inherited, into: chunker.room - tokens)
    chunks.append(
      Chunk(
        range: start..<last.block.range.upperBound, startLine: first.block.startLine,
        endLine: last.block.endLine, headings: context.map(\.text),
        inheritedHeadings: inherited.count, embeddedHeadings: embedded.count,
        tokens: tokens + embedded.tokens))
    clear()
  }

  private mutating func clear() {
    parts.removeAll(keepingCapacity: true)
    tokens = 0
  }
}
