/// The recursive character splitter that most retrieval programs use, as the baseline of
/// `ChunkEvaluation`: cut at the coarsest separator that occurs, pieces still too long at the next one,
/// then fill passages with pieces in order, repeating the last ones as overlap.
package struct RecursiveSplitter: Sendable {
  /// Tokens of a passage, by `TokenEstimate`.
  package var limit: Int
  /// Tokens of the passage before that may be repeated.
  package var overlap: Int

  static let separators = ["\n\n", "\n", ". ", "? ", "! ", " "].map { Array($0.utf8) }

  package init(limit: Int, overlap: Int) {
    self.limit = max(1, limit)
    self.overlap = min(overlap, limit / 2)
  }

  private typealias Piece = (range: Range<Int>, tokens: Int)

  /// Ranges of bytes of valid UTF-8, in order.
  package func ranges(of utf8: [UInt8]) -> [Range<Int>] {
    utf8.withUnsafeBytes { bytes in
      fill(pieces(bytes, 0..<bytes.count, separator: 0)).map { trimmedRange(bytes, $0) }
        .filter { !$0.isEmpty }
    }
  }

  private func pieces(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, separator: Int
  ) -> [Piece] {
    let tokens = TokenEstimate.count(UnsafeRawBufferPointer(rebasing: bytes[range]))
    if tokens <= limit { return [(range, tokens)] }
    guard separator < Self.separators.count else { return characters(bytes, range) }
    let mark = Self.separators[separator]
    var found: [Piece] = []
    var start = range.lowerBound
    var index = start
    while index + mark.count <= range.upperBound {
      if bytes[index..<index + mark.count].elementsEqual(mark) {
        index += mark.count
        found += pieces(bytes, start..<index, separator: separator + 1)
        start = index
      } else {
        index += 1
      }
    }
    if start < range.upperBound {
      found += pieces(bytes, start..<range.upperBound, separator: separator + 1)
    }
    return found
  }

  /// A run without any separator, cut between characters.
  private func characters(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> [Piece] {
    var found: [Piece] = []
    var start = range.lowerBound
    while start < range.upperBound {
      var end = min(range.upperBound, start + limit)
      while end < range.upperBound, bytes[end] & 0xc0 == 0x80 { end += 1 }
      found.append(
        (start..<end, TokenEstimate.count(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))))
      start = end
    }
    return found
  }

  private func fill(_ pieces: [Piece]) -> [Range<Int>] {
    var passages: [Range<Int>] = []
    var open: ArraySlice<Piece> = []
    var tokens = 0
    for piece in pieces {
      if tokens + piece.tokens > limit, let first = open.first, let last = open.last {
        passages.append(first.range.lowerBound..<last.range.upperBound)
        while let dropped = open.first, tokens > overlap || tokens + piece.tokens > limit {
          tokens -= dropped.tokens
          open.removeFirst()
        }
      }
      open.append(piece)
      tokens += piece.tokens
    }
    if let first = open.first, let last = open.last {
      passages.append(first.range.lowerBound..<last.range.upperBound)
    }
    return passages
  }
}
