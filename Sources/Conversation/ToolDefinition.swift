/// A function offered to the model.
package struct ToolDefinition: Sendable, Equatable {
  package var name: String
  package var description: String
  /// JSON schema of the arguments, an object schema; nil for a function without arguments.
  package var parameters: JSONValue?

  package init(name: String, description: String, parameters: JSONValue? = nil) {
    self.name = name
    self.description = description
    self.parameters = parameters
  }
}

/// A named group of tools. `functions` is the one for our own; `browser` and `python` are built in.
package struct ToolNamespace: Sendable, Equatable {
  package var name: String
  package var description: String?
  package var tools: [ToolDefinition]

  package init(name: String, description: String? = nil, tools: [ToolDefinition]) {
    self.name = name
    self.description = description
    self.tools = tools
  }

  package static func functions(_ tools: [ToolDefinition]) -> ToolNamespace {
    ToolNamespace(name: "functions", tools: tools)
  }
}
