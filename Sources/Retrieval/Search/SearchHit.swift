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

  package init(
    rank: Int, path: String, startLine: Int, endLine: Int, startByte: Int, endByte: Int,
    score: Double, lexicalRank: Int? = nil, semanticRank: Int? = nil, lexicalScore: Double? = nil,
    cosine: Double? = nil, text: String, title: String = "", headings: String = "", chunkID: Int64,
    ordinal: Int = 0, isConverted: Bool = false
  ) {
    self.rank = rank
    self.path = path
    self.startLine = startLine
    self.endLine = endLine
    self.startByte = startByte
    self.endByte = endByte
    self.score = score
    self.lexicalRank = lexicalRank
    self.semanticRank = semanticRank
    self.lexicalScore = lexicalScore
    self.cosine = cosine
    self.text = text
    self.title = title
    self.headings = headings
    self.chunkID = chunkID
    self.ordinal = ordinal
    self.isConverted = isConverted
  }
}

/// The hits and how they were found.
package struct SearchResult: Sendable {
  package var hits: [SearchHit]
  /// The mode used: a hybrid search without usable words is semantic, one without vectors, or for a
  /// question that the embedder cannot read, lexical.
  package var mode: SearchMode
  /// Query words given to the lexical side, after stop words were dropped.
  package var terms: [String]
  /// Documents that passed the filter; nil where there was none.
  package var filteredFiles: Int?
  /// Words of the query that no document has, and what was searched for in their place.
  package var corrected: [String: String] = [:]

  package init(
    hits: [SearchHit], mode: SearchMode, terms: [String] = [], filteredFiles: Int? = nil
  ) {
    self.filteredFiles = filteredFiles
    self.hits = hits
    self.mode = mode
    self.terms = terms
  }
}
