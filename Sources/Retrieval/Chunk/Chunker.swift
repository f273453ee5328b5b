/// Cuts a text into passages along its structure. Pure: bytes in, ranges out.
///
/// What holds for every text and setting (tested as properties): chunks are in order, cover every
/// visible byte, do not overlap by more than `overlap`, cut no UTF-8 character, and fit `limit` by
/// the counter used, unless a single character does not. Time and memory are linear in the text.
///
/// A passage that goes on where the one before it had to end begins with the last sentences of that
/// one, so that what stands at the border is found whole. Where a section, a definition or a record
/// begins, nothing is repeated.
package struct Chunker: Sendable {
  /// Tokens of a passage with the headings it inherits.
  package var limit: Int
  /// A heading ends the passage before it once that has this many tokens.
  package var minimum: Int
  /// Tokens of the passage before that are repeated at most at the beginning of the next; part of
  /// `limit`.
  package var overlap: Int
  /// Counts the tokens of UTF-8 bytes. Counts of parts are added up, so it should be additive at
  /// white space.
  package var countTokens: @Sendable (UnsafeRawBufferPointer) -> Int

  package init(
    limit: Int = 200, minimum: Int = 48, overlap: Int = 0,
    countTokens: @escaping @Sendable (UnsafeRawBufferPointer) -> Int = { TokenEstimate.count($0) }
  ) {
    self.limit = max(16, limit)
    self.minimum = minimum
    self.overlap = max(0, min(overlap, self.limit / 2))
    self.countTokens = countTokens
  }

  /// Tokens of a passage without what it repeats.
  var room: Int { limit - overlap }

  /// - Parameter utf8: valid UTF-8, lent for the call.
  package func chunks(of utf8: UnsafeRawBufferPointer, kind: ContentKind) -> [Chunk] {
    // Records stand for themselves.
    var chunker = self
    if kind == .rows || kind == .table { chunker.overlap = 0 }
    var packer = ChunkPacker(bytes: utf8, chunker: chunker)
    var lines = LineReader(utf8)
    switch kind {
    case .text: packer.packText(&lines)
    case .markdown: packer.packMarkdown(&lines)
    case .code: packer.packCode(&lines)
    case .rows: packer.packRows(&lines, hasHeader: false)
    case .table: packer.packRows(&lines, hasHeader: true)
    }
    packer.flush()
    return chunker.overlap > 0 ? overlapping(packer.chunks, utf8) : packer.chunks
  }
}
