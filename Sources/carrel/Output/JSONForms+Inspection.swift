import CarrelKit

extension JSONForms {
  package static func description(_ model: ModelDescription) -> JSON {
    .object([
      ("path", .string(model.path)), ("format", .string(model.format)),
      ("architecture", .optional(model.architecture)), ("name", .optional(model.name)),
      ("sizeBytes", .integer(model.sizeBytes)), ("parameters", .integer(model.parameters)),
      (
        "types",
        .object(model.types.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) })
      ),
      (
        "metadata",
        .object(model.metadata.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
      ),
      (
        "tensors",
        .array(
          model.tensors.map { tensor in
            .object([
              ("name", .string(tensor.name)), ("type", .string(tensor.type)),
              ("shape", .array(tensor.shape.map { .integer($0) })),
              ("bytes", .integer(tensor.bytes)),
            ])
          })
      ),
    ])
  }

  package static func logits(_ top: [(id: Int32, text: String, logit: Float)]) -> JSON {
    .object([
      (
        "top",
        .array(
          top.map { entry in
            .object([
              ("id", .integer(Int(entry.id))), ("text", .string(entry.text)),
              ("logit", .single(entry.logit)),
            ])
          })
      )
    ])
  }

  package static func ids(_ ids: [Int32]) -> JSON {
    .array(ids.map { .integer(Int($0)) })
  }

  package static func harmony(_ report: HarmonyStreamReport) -> JSON {
    .object([
      (
        "events",
        .array(
          report.events.map { .object([("type", .string($0.type)), ("text", .string($0.text))]) })
      ),
      (
        "messages",
        .array(report.messages.map { .written($0) })
      ),
      ("visible", .string(report.visible)),
      ("notices", .array(report.notices.map { .string($0) })),
      (
        "recoveries",
        .object(report.recoveries.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) })
      ),
    ])
  }
}
