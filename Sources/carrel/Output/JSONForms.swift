import CarrelKit
import FoundationEssentials

/// The documented JSON forms of results (fields may be added, never renamed), one function each.
package enum JSONForms {
  package static func search(_ report: SearchReport) -> JSON {
    .object([
      ("query", .string(report.query)), ("mode", .string(report.mode.rawValue)),
      ("scope", scope(report)),
      (
        "corrected",
        .object(report.corrected.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
      ),
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

  /// null where everything was searched; `since` in seconds since 1970.
  private static func scope(_ report: SearchReport) -> JSON {
    guard let files = report.filesInScope else { return .null }
    return .object([
      ("in", .array(report.scope.paths.map { .string($0) })),
      ("type", .array(report.scope.types.map { .string($0) })),
      ("since", report.scope.since.map { .number($0.timeIntervalSince1970) } ?? .null),
      ("files", .integer(files)),
    ])
  }

  package static func answer(_ answer: Answer) -> JSON {
    let stats = answer.stats
    return .object([
      ("answer", .string(answer.text)),
      ("citations", .array(answer.citations.map(citation))),
      (
        "check",
        answer.check.map {
          .object([
            ("sentences", .integer($0.claims)),
            ("unmatched", .array($0.unmatched.map { .string($0) })),
            ("miscited", .integer($0.miscited)),
            ("agreement", .optional($0.agreement)),
          ])
        } ?? .null
      ),
      ("model", .string(answer.model)),
      (
        "route",
        .object([
          ("choice", .string(answer.route.choice)), ("reason", .string(answer.route.reason)),
        ])
      ),
      (
        "searched",
        answer.searched.map {
          .object([("query", .string($0.query)), ("background", .optional($0.background))])
        } ?? .null
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
      ("score", .number(citation.score)), ("agreement", .optional(citation.agreement)),
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
