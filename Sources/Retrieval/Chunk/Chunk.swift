/// How a text is built, which decides where it may be cut.
package enum ContentKind: String, Sendable, CaseIterable {
  /// Paragraphs parted by blank lines.
  case text
  /// CommonMark headings, fences and paragraphs.
  case markdown
  /// Definitions that begin in the first column after a blank line.
  case code
  /// One record a line (JSON Lines).
  case rows
  /// One record a line below a line of column names (CSV, TSV).
  case table
}

/// A passage: what is embedded, found, quoted and cited.
package struct Chunk: Sendable, Equatable {
  /// Bytes of the text that was chunked. Begins and ends with something visible, save that the first
  /// line keeps its indentation.
  package var range: Range<Int>
  /// Lines from 1, both included.
  package var startLine: Int
  package var endLine: Int
  /// Headings the passage stands under, outermost first; its own included.
  package var headings: [String]
  /// The first so many headings stand before `range`; the others are part of it.
  package var inheritedHeadings: Int
  /// The innermost so many of those are put before the passage when it is embedded: the others have no room.
  package var embeddedHeadings: Int
  /// Tokens of the passage and the headings embedded with it, by the chunker's counter.
  package var tokens: Int
}
