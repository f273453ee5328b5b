import CarrelKit
import FoundationEssentials

/// The arguments `in`, `type` and `since`, which keep a tool's search to some documents, and the
/// form in which a result repeats them. Pure.
enum SearchFilters {
  /// Most values in one list.
  static let maximumValues = 100

  static let properties: [String: JSONValue] = [
    "in": list("Search these files, or what lies below these folders, only: absolute paths."),
    "type": list("Search files with these endings only, such as md or txt."),
    "since": [
      "type": "string", "minLength": 1,
      "description": .string("Search what was changed since only: \(Moment.expected)."),
    ],
  ]

  private static func list(_ summary: String) -> JSONValue {
    [
      "type": "array", "items": ["type": "string", "minLength": 1], "minItems": 1,
      "maxItems": .integer(maximumValues), "description": .string(summary),
    ]
  }

  /// Schema of `json`.
  static let output: JSONValue = [
    "type": ["object", "null"], "description": "Where was searched; null: everywhere.",
    "properties": [
      "in": ["type": "array", "items": ["type": "string"]],
      "type": ["type": "array", "items": ["type": "string"]],
      "since": ["type": ["number", "null"], "description": "Seconds since 1970."],
      "files": ["type": "integer", "minimum": 0, "description": "Indexed files that lie there."],
    ],
    "required": ["in", "type", "since", "files"], "additionalProperties": false,
  ]

  /// The `scope` of a result, as `search --json` has it.
  static func json(_ report: SearchReport) -> JSONValue {
    guard let files = report.filesInScope else { return .null }
    return [
      "in": .array(report.scope.paths.map { .string($0) }),
      "type": .array(report.scope.types.map { .string($0) }),
      "since": report.scope.since.map { .number($0.timeIntervalSince1970) } ?? .null,
      "files": .integer(files),
    ]
  }
}

extension RPCParameters {
  /// What `in`, `type` and `since` say together; everything where none of them is given.
  func scope() throws(RPCError) -> SearchScope {
    SearchScope(
      paths: try list("in", "absolute paths") { $0.hasPrefix("/") && !$0.contains("\0") },
      types: try list("type", "endings of names such as md", where: SearchScope.isType),
      since: try optionalMoment("since"))
  }

  /// A list of texts that hold; [] where it is missing.
  private func list(
    _ name: String, _ expected: String, where holds: (String) -> Bool
  ) throws(RPCError) -> [String] {
    guard let values = try optionalArray(name) else { return [] }
    let count = 1...SearchFilters.maximumValues
    guard count.contains(values.count) else {
      throw RPCError(
        .invalidParameters,
        "\(name): expected \(count.lowerBound) to \(count.upperBound) values, found \(values.count)."
      )
    }
    var texts: [String] = []
    for value in values {
      guard let text = value.string else {
        throw Self.wrong(name, "an array of \(expected)", value)
      }
      guard holds(text) else {
        throw RPCError(
          .invalidParameters, "\(name): expected \(expected), found `\(text.prefix(100))`.")
      }
      texts.append(text)
    }
    return texts
  }

  private func optionalMoment(_ name: String) throws(RPCError) -> Date? {
    guard let text = try optionalString(name) else { return nil }
    guard let date = Moment.parse(text) else {
      throw RPCError(
        .invalidParameters, "\(name): expected \(Moment.expected); found `\(text.prefix(100))`.")
    }
    return date
  }
}
