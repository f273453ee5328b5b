import CarrelKit
import FoundationEssentials

extension JSONForms {
  package static func models(_ models: [ModelListing]) -> JSON {
    .object([("models", .array(models.map(model)))])
  }

  package static func model(_ model: ModelListing) -> JSON {
    .object([
      ("id", .string(model.id)), ("role", .string(model.role)), ("state", .string(model.state)),
      ("path", .optional(model.path)), ("sizeBytes", .optional(model.sizeBytes)),
      ("fits", model.fits.map { .bool($0) } ?? .null),
      ("architecture", .optional(model.architecture)),
      ("quantization", .optional(model.quantization)), ("licence", .optional(model.licence)),
      ("chat", .optional(model.chat)), ("host", .optional(model.host)),
      ("problem", .optional(model.problem)),
    ])
  }

  package static func gate(_ report: GateReport, routes: [RouteRecord]) -> JSON {
    .object([
      (
        "have",
        .object([("bytes", .optional(report.haveBytes)), ("terms", terms(report.haveTerms))])
      ),
      (
        "candidates",
        .array(
          report.candidates.map { candidate in
            .object([
              ("id", .string(candidate.id)), ("fits", .bool(candidate.fits)),
              ("context", .integer(candidate.context)),
              ("needBytes", .integer(candidate.needBytes)), ("terms", terms(candidate.terms)),
              ("reason", .string(candidate.reason)),
            ])
          })
      ),
      ("choice", .optional(report.choice)),
      ("routes", .array(routes.map(route))),
    ])
  }

  private static func route(_ record: RouteRecord) -> JSON {
    .object([
      ("date", .string(record.date.ISO8601Format())),
      ("task", .string(record.features.task.rawValue)),
      ("choice", .string(record.choice)), ("reason", .string(record.reason)),
      ("stop", .string(record.stop)), ("promptTokens", .integer(record.promptTokens)),
      ("generatedTokens", .integer(record.generatedTokens)), ("seconds", .number(record.seconds)),
    ])
  }

  private static func terms(_ terms: [GateReport.Term]) -> JSON {
    .object(terms.map { ($0.name, .integer($0.bytes)) })
  }

  package static func status(_ status: WorkspaceStatus) -> JSON {
    .object([
      (
        "memory",
        .object([
          ("availableBytes", .optional(status.memory.availableBytes)),
          ("limitBytes", .optional(status.memory.limitBytes)),
          ("limitSource", .optional(status.memory.limitSource)),
          ("residentBytes", .integer(status.memory.residentBytes)),
          ("peakBytes", .integer(status.memory.peakBytes)),
        ])
      ),
      (
        "disk",
        .object([
          ("freeBytes", .optional(status.disk.freeBytes)),
          ("modelsBytes", .integer(status.disk.modelsBytes)),
          ("indexBytes", .integer(status.disk.indexBytes)),
        ])
      ),
      ("models", .array(status.models.map(model))),
      ("loaded", .array(status.loaded.map { .string($0) })),
      ("index", status.index.map(index) ?? .null),
      (
        "snapshots",
        status.snapshots.map { kept in
          .object([
            ("folder", .string(kept.folder)), ("files", .integer(kept.files)),
            ("bytes", .integer(kept.bytes)), ("limitBytes", .integer(kept.limitBytes)),
          ])
        } ?? .null
      ),
    ])
  }

  package static func benchmark(_ rows: [BenchmarkRow]) -> JSON {
    .object([
      (
        "rows",
        .array(
          rows.map { row in
            .object([
              ("name", .string(row.name)), ("model", .string(row.model)),
              ("threads", .integer(row.threads)), ("metric", .string(row.metric)),
              ("median", .number(row.median)), ("min", .number(row.min)), ("max", .number(row.max)),
              ("unit", .string(row.unit)), ("runs", .integer(row.runs)),
            ])
          })
      )
    ])
  }

  package static func evaluation(_ scores: RetrievalScores) -> JSON {
    .object([
      ("queries", .integer(scores.queries)),
      (
        "modes",
        .object(
          SearchSides.allCases.compactMap { side in
            scores.modes[side].map { mode in
              (
                side.rawValue,
                .object([
                  ("ndcg10", .number(mode.ndcg10)), ("recall10", .number(mode.recall10)),
                  ("recall100", .number(mode.recall100)), ("mrr10", .number(mode.mrr10)),
                ])
              )
            }
          })
      ),
      ("documents", .integer(scores.documents)),
    ])
  }
}
