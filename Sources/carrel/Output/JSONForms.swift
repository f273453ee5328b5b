import CarrelKit

/// The documented JSON forms of results (fields may be added, never renamed), one function each.
package enum JSONForms {
  package static func search(_ report: SearchReport) -> JSON {
    .object([
      ("query", .string(report.query)), ("mode", .string(report.mode.rawValue)),
      (
        "hits",
        .array(
          report.hits.map { hit in
            .object([
              ("rank", .integer(hit.rank)), ("path", .string(hit.path)),
              ("startLine", .integer(hit.startLine)), ("endLine", .integer(hit.endLine)),
              ("startByte", .integer(hit.startByte)), ("endByte", .integer(hit.endByte)),
              ("score", .number(hit.score)), ("lexicalRank", .optional(hit.lexicalRank)),
              ("semanticRank", .optional(hit.semanticRank)), ("text", .string(hit.text)),
            ])
          })
      ),
    ])
  }

  package static func answer(_ answer: Answer) -> JSON {
    let stats = answer.stats
    return .object([
      ("answer", .string(answer.text)),
      ("citations", .array(answer.citations.map(citation))),
      ("model", .string(answer.model)),
      (
        "route",
        .object([
          ("choice", .string(answer.route.choice)), ("reason", .string(answer.route.reason)),
        ])
      ),
      ("stop", .string(answer.stop.rawValue)),
      ("notices", .array(answer.notices.map { .string($0) })),
      (
        "stats",
        .object([
          ("promptTokens", .integer(stats.promptTokens)),
          ("cachedTokens", .integer(stats.cachedTokens)),
          ("generatedTokens", .integer(stats.generatedTokens)),
          ("draftedTokens", .integer(stats.draftedTokens)),
          ("prefillTokensPerSecond", .number(stats.prefillTokensPerSecond)),
          ("decodeTokensPerSecond", .number(stats.decodeTokensPerSecond)),
          ("peakMemoryBytes", .integer(stats.peakMemoryBytes)),
          (
            "recoveries",
            .object(
              stats.recoveries.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) })
          ),
        ])
      ),
      ("sources", .array(answer.sources.map(source))),
    ])
  }

  private static func citation(_ citation: Citation) -> JSON {
    .object([
      ("n", .integer(citation.n)), ("path", .string(citation.path)),
      ("startLine", .integer(citation.startLine)), ("endLine", .integer(citation.endLine)),
      ("startByte", .integer(citation.startByte)), ("endByte", .integer(citation.endByte)),
      ("quote", .string(citation.quote)), ("supported", .bool(citation.supported)),
      ("score", .number(citation.score)),
      ("writtenByModel", .bool(citation.writtenByModel)),
    ])
  }

  private static func source(_ source: Source) -> JSON {
    .object([
      ("n", .integer(source.n)), ("path", .string(source.path)),
      ("startLine", .integer(source.startLine)), ("endLine", .integer(source.endLine)),
    ])
  }

  package static func index(_ report: IndexReport) -> JSON {
    .object([
      ("files", .integer(report.files)), ("chunks", .integer(report.chunks)),
      ("stale", .optional(report.stale)), ("bytes", .integer(report.bytes)),
      ("embedded", .integer(report.embedded)), ("embedder", .optional(report.embedder)),
      ("path", .string(report.path)), ("roots", .array(report.roots.map { .string($0) })),
      ("sourceBytes", .integer(report.sourceBytes)),
      (
        "skipped",
        .object(report.skipped.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) })
      ),
    ])
  }
}
