/// Which sides of the search are asked.
package enum SearchMode: String, Sendable, CaseIterable {
  case hybrid, lexical, semantic
}

/// One passage that answers a query.
package struct SearchHit: Sendable, Equatable {
  /// 1 for the best.
  package var rank: Int
  /// The file, absolute.
  package var path: String
  /// Lines from 1, both included, in the original file (in the extracted text when `isConverted`).
  package var startLine: Int
  package var endLine: Int
  /// Bytes from 0, the end excluded, in the original file (in the extracted text when `isConverted`).
  package var startByte: Int
  package var endByte: Int
  /// Higher is better; comparable within one result list only.
  package var score: Double
  /// Rank among the lexical candidates from 1; nil when that side did not list it.
  package var lexicalRank: Int?
  package var semanticRank: Int?
  /// FTS5's bm25, sign turned so that higher is better; nil when no word of the query occurs.
  package var lexicalScore: Double?
  /// The true cosine with the query; nil in lexical mode.
  package var cosine: Double?
  /// The passage itself.
  package var text: String
  /// Title of the document, "" when it has none.
  package var title: String
  /// Headings above the passage, outermost first, joined by " > "; "" for none.
  package var headings: String
  package var chunkID: Int64
  /// The chunk's number within its file from 0: neighbours have adjacent numbers.
  package var ordinal: Int
  /// Ranges count in the extracted text, because the file is not text itself (PDF, office, notebook).
  package var isConverted: Bool
}

/// The hits and how they were found.
package struct SearchResult: Sendable {
  package var hits: [SearchHit]
  /// The mode used: a hybrid search without usable words is semantic, one without vectors lexical.
  package var mode: SearchMode
  /// Query words given to the lexical side, after stop words were dropped.
  package var terms: [String]
  /// Share of the semantic side in the fused score, 0...1; nil when only one side was used.
  package var semanticWeight: Double?
}
