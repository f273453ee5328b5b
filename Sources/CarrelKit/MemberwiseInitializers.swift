// Values that only CarrelKit makes in a program, made by hand where commands are tested without
// models.

import FoundationEssentials

extension Route {
  package init(choosing choice: String, because reason: String) {
    self.init(choice: choice, reason: reason)
  }
}

extension Citation {
  package init(
    n: Int, path: String, lines: ClosedRange<Int>, bytes: Range<Int>, quote: String,
    supported: Bool, score: Double = 1, agreement: Double? = nil, writtenByModel: Bool = true
  ) {
    self.init(
      n: n, path: path, startLine: lines.lowerBound, endLine: lines.upperBound,
      startByte: bytes.lowerBound, endByte: bytes.upperBound, quote: quote, supported: supported,
      score: score, agreement: agreement, writtenByModel: writtenByModel)
  }
}

extension Answer {
  package init(
    saying text: String, citations: [Citation] = [], sources: [Source] = [], model: String,
    route: Route, stop: AnswerStop = .endOfTurn, notices: [String] = [],
    stats: AnswerStats = AnswerStats()
  ) {
    self.init(
      text: text, citations: citations, sources: sources, model: model, route: route, stop: stop,
      notices: notices, stats: stats)
  }
}

extension Answer {
  /// What is kept of an answer, as an answer again.
  package init(_ turn: SessionTurn) {
    self.init(
      text: turn.answer, citations: turn.citations, sources: turn.sources, model: turn.model,
      route: turn.route ?? Route(choice: turn.model, reason: ""),
      stop: turn.stop ?? .cancelled, notices: turn.notices, stats: turn.stats)
  }
}

extension SearchReport {
  package init(
    query: String, sides: SearchSides, hits: [Hit], seconds: Double, scope: SearchScope = .all,
    filesInScope: Int? = nil
  ) {
    self.init(
      query: query, mode: sides, hits: hits, seconds: seconds, scope: scope,
      filesInScope: filesInScope)
  }
}

extension SearchReport.Hit {
  package init(
    id: Int = 0, rank: Int, path: String, lines: ClosedRange<Int>, bytes: Range<Int>, score: Double,
    lexicalRank: Int?, semanticRank: Int?, cosine: Double? = nil, text: String
  ) {
    self.init(
      id: id, rank: rank, path: path, startLine: lines.lowerBound, endLine: lines.upperBound,
      startByte: bytes.lowerBound, endByte: bytes.upperBound, score: score,
      lexicalRank: lexicalRank, semanticRank: semanticRank, cosine: cosine, text: text, headings: ""
    )
  }
}

extension IndexReport {
  package init(
    path: String, roots: [String] = [], files: Int, chunks: Int, stale: Int?, bytes: Int,
    embedder: String? = nil
  ) {
    self.init(
      path: path, roots: roots, files: files, chunks: chunks, embedded: chunks, stale: stale,
      bytes: bytes, sourceBytes: 0, embedder: embedder, skipped: [:])
  }
}

extension AnswerStats {
  package static var zero: AnswerStats { AnswerStats() }
}

extension IndexingSummary {
  package static var zero: IndexingSummary { IndexingSummary() }
}

extension IndexingProgress {
  package static var zero: IndexingProgress { IndexingProgress() }
}

extension SessionSummary {
  package init(id: String, folder: String) {
    self.init(
      id: id, title: "", model: "", folder: folder, created: .now, updated: .now, turns: 1)
  }
}

extension ModelListing {
  package init(id: String, role: String, path: String?, chat: String? = nil) {
    self.init(
      id: id, role: role, state: path == nil ? "notInstalled" : "installed", path: path,
      sizeBytes: nil, fits: nil, architecture: nil, quantization: nil, licence: nil, chat: chat,
      host: nil, problem: nil)
  }
}

extension FetchableModel {
  package init(fetching id: String, bytes: Int, needBytes: Int, fits: Bool?) {
    self.init(
      id: id, name: id.uppercased(), bytes: bytes, isExact: false, needBytes: needBytes, fits: fits,
      licence: "MIT", reference: "owner/\(id)@main")
  }
}

extension IndexPreview {
  package init(of folder: String, kinds: [(suffix: String, files: Int, bytes: Int)]) {
    self.init(
      folder: folder, files: kinds.reduce(0) { $0 + $1.files },
      bytes: kinds.reduce(0) { $0 + $1.bytes },
      kinds: kinds.map { Kind(suffix: $0.suffix, files: $0.files, bytes: $0.bytes) },
      skipped: ["hidden": 2], isPartial: false)
  }
}
