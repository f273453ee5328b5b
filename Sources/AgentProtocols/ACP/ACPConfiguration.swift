import CarrelKit

/// What a client may choose for one session: its mode and its options. Pure.
///
/// The option `retrieval` and the mode say the same thing in two ways (off is the mode `chat`), so
/// that clients that show only one of them can still set it.
package struct ACPConfiguration: Sendable, Equatable {
  package enum Mode: String, Sendable, CaseIterable {
    case documents, strict, chat

    var name: String {
      switch self {
      case .documents: "Documents"
      case .strict: "Only documents"
      case .chat: "Chat"
      }
    }

    var summary: String {
      switch self {
      case .documents: "Search the index first; where it has nothing, the model answers by itself."
      case .strict: "Search the index first; where it has nothing, there is no answer."
      case .chat: "Do not search; the model answers by itself."
      }
    }

    var retrieval: AskOptions.Retrieval {
      switch self {
      case .documents: .preferred
      case .strict: .required
      case .chat: .off
      }
    }
  }

  /// The value of `model` that leaves the choice to Carrel.
  package static let automatic = "auto"

  package var mode = Mode.documents
  package var model = Self.automatic
  package var effort = AskOptions.Effort.medium
  package var showsThoughts = false
  /// Ids the client may choose from.
  package var models: [String]
  /// Whether the client knows options that are true or false.
  package let takesBooleans: Bool

  package init(models: [String], takesBooleans: Bool) {
    self.models = models
    self.takesBooleans = takesBooleans
  }

  package var options: AskOptions {
    var options = AskOptions()
    options.retrieval = mode.retrieval
    options.effort = effort
    return options
  }

  /// The model to ask for; nil leaves the choice to Carrel.
  package var wantedModel: String? { model == Self.automatic ? nil : model }

  package mutating func setMode(_ id: String) throws(RPCError) {
    guard let mode = Mode(rawValue: id) else {
      throw Self.unknown("modeId", id, Mode.allCases.map(\.rawValue))
    }
    self.mode = mode
  }

  /// - Parameter value: a string, or true or false for the options that were offered so.
  package mutating func set(_ option: String, to value: JSONValue) throws(RPCError) {
    func word(_ words: [String]) throws(RPCError) -> String {
      guard let text = value.string else {
        throw RPCParameters.wrong("value", "a string", value)
      }
      guard words.contains(text) else { throw Self.unknown("value", text, words) }
      return text
    }
    func isOn() throws(RPCError) -> Bool {
      if let bool = value.bool { return bool }
      return try word(["on", "off"]) == "on"
    }
    switch option {
    case "model": model = try word([Self.automatic] + models)
    case "effort": effort = AskOptions.Effort(rawValue: try word(Self.efforts)) ?? .medium
    case "retrieval":
      if try isOn() {
        if mode == .chat { mode = .documents }
      } else {
        mode = .chat
      }
    case "thoughts": showsThoughts = try isOn()
    default: throw Self.unknown("configId", option, ["model", "effort", "retrieval", "thoughts"])
    }
  }

  private static let efforts = AskOptions.Effort.allCases.map(\.rawValue)

  private static func unknown(_ name: String, _ found: String, _ known: [String]) -> RPCError {
    RPCError(
      .invalidParameters,
      "\(name): expected one of \(known.joined(separator: ", ")), found \(found.prefix(100)).")
  }

  // MARK: As ACP writes it

  /// `SessionModeState`.
  package var modesJSON: JSONValue {
    [
      "currentModeId": .string(mode.rawValue),
      "availableModes": .array(
        Mode.allCases.map {
          [
            "id": .string($0.rawValue), "name": .string($0.name),
            "description": .string($0.summary),
          ]
        }),
    ]
  }

  /// All `SessionConfigOption`s with their values.
  package var optionsJSON: JSONValue {
    [
      select(
        "model", "Model", category: "model", "Which model answers.", model,
        [(Self.automatic, "Automatic: the best that fits in memory")] + models.map { ($0, $0) }),
      select(
        "effort", "Effort", category: "thought_level",
        "How long a reasoning model thinks before it answers.", effort.rawValue,
        Self.efforts.map { ($0, $0.prefix(1).uppercased() + $0.dropFirst()) }),
      toggle("retrieval", "Search", "Search the indexed documents first.", mode != .chat),
      toggle("thoughts", "Thoughts", "Show what a reasoning model thinks.", showsThoughts),
    ]
  }

  private func select(
    _ id: String, _ name: String, category: String? = nil, _ summary: String, _ value: String,
    _ choices: [(String, String)]
  ) -> JSONValue {
    [
      "id": .string(id), "name": .string(name), "description": .string(summary), "type": "select",
      "category": category.map { .string($0) }, "currentValue": .string(value),
      "options": .array(choices.map { ["value": .string($0.0), "name": .string($0.1)] }),
    ]
  }

  private func toggle(_ id: String, _ name: String, _ summary: String, _ isOn: Bool) -> JSONValue {
    guard takesBooleans else {
      return select(id, name, summary, isOn ? "on" : "off", [("on", "On"), ("off", "Off")])
    }
    return [
      "id": .string(id), "name": .string(name), "description": .string(summary), "type": "boolean",
      "currentValue": .bool(isOn),
    ]
  }
}
