/// Conversations and messages in openai-harmony's own JSON form.
///
/// A message is `{"role", "name", "content", "channel", "recipient", "content_type"}`; `content` is
/// a string or a list of `{"type": "text" | "system_content" | "developer_content", …}`. Absent and
/// null fields mean the same: nothing is rendered for them.
package enum HarmonyConversationJSON {
  /// - Throws: `malformedJSON`, or `malformedConversation` with the JSON path.
  package static func conversation(from text: String) throws(ConversationError)
    -> HarmonyConversation
  {
    let json = try JSONParser.parse(text)
    // A bare list of messages is taken as well as the object around it.
    guard let list = json["messages"]?.array ?? json.array else {
      throw wrong("messages", "expected a list of messages")
    }
    var messages: [HarmonyMessage] = []
    for (index, json) in list.enumerated() {
      messages.append(try message(json, "messages[\(index)]"))
    }
    return HarmonyConversation(messages)
  }

  private static func wrong(_ path: String, _ message: String) -> ConversationError {
    ConversationError(.malformedConversation, message, subject: path)
  }

  private static func message(
    _ json: JSONValue, _ path: String
  ) throws(ConversationError) -> HarmonyMessage {
    guard json.isObject else { throw wrong(path, "expected an object") }
    guard let role = json["role"]?.string else { throw wrong("\(path).role", "expected a string") }
    guard let author = HarmonyMessage.Author(rawValue: role) else {
      throw wrong("\(path).role", "unknown role \"\(role)\"")
    }
    let name = try text(json, "name", path)
    if author == .tool, name == nil {
      throw wrong("\(path).name", "a tool message needs the tool's name")
    }
    var content: [HarmonyContent] = []
    switch json["content"] {
    case .string(let text)?: content = [.text(text)]
    case .array(let parts)?:
      for (index, part) in parts.enumerated() {
        content.append(try self.content(part, by: author, "\(path).content[\(index)]"))
      }
    default: throw wrong("\(path).content", "expected a string or a list")
    }
    return HarmonyMessage(
      author, name: name, recipient: try text(json, "recipient", path),
      channel: try text(json, "channel", path), contentType: try text(json, "content_type", path),
      content: content)
  }

  /// A text field; nil when absent or null.
  private static func text(
    _ json: JSONValue, _ key: String, _ path: String
  ) throws(ConversationError) -> String? {
    guard let value = json[key], !value.isNull else { return nil }
    guard let string = value.string else { throw wrong("\(path).\(key)", "expected a string") }
    return string
  }

  private static func content(
    _ json: JSONValue, by author: HarmonyMessage.Author, _ path: String
  ) throws(ConversationError) -> HarmonyContent {
    switch json["type"]?.string {
    case "text":
      guard let value = try text(json, "text", path) else {
        throw wrong("\(path).text", "expected a string")
      }
      return .text(value)
    case "system_content":
      guard author == .system else {
        throw wrong(path, "system_content may only stand in a system message")
      }
      return .system(try system(json, path))
    case "developer_content":
      guard author == .developer else {
        throw wrong(path, "developer_content may only stand in a developer message")
      }
      return .developer(
        HarmonyDeveloperContent(
          instructions: try text(json, "instructions", path),
          tools: try namespaces(json["tools"], "\(path).tools")))
    case let type:
      throw wrong("\(path).type", "unknown content type \"\(type ?? "")\"")
    }
  }

  private static func system(
    _ json: JSONValue, _ path: String
  ) throws(ConversationError) -> HarmonySystemContent {
    var effort: ReasoningEffort?
    if let name = try text(json, "reasoning_effort", path) {
      effort = ReasoningEffort(rawValue: name.lowercased())
      if effort == nil {
        throw wrong("\(path).reasoning_effort", "expected Low, Medium or High, found \"\(name)\"")
      }
    }
    var channels: [String] = []
    let configuration = json["channel_config"]
    for (index, value) in (configuration?["valid_channels"]?.array ?? []).enumerated() {
      guard let channel = value.string else {
        throw wrong("\(path).channel_config.valid_channels[\(index)]", "expected a string")
      }
      channels.append(channel)
    }
    return HarmonySystemContent(
      identity: try text(json, "model_identity", path), effort: effort,
      knowledgeCutoff: try text(json, "knowledge_cutoff", path),
      date: try text(json, "conversation_start_date", path), channels: channels,
      channelRequired: configuration?["channel_required"]?.bool ?? false,
      tools: try namespaces(json["tools"], "\(path).tools"))
  }

  private static func namespaces(
    _ json: JSONValue?, _ path: String
  ) throws(ConversationError) -> [String: ToolNamespace] {
    guard let json, !json.isNull else { return [:] }
    guard let members = json.members else { throw wrong(path, "expected an object") }
    var namespaces: [String: ToolNamespace] = [:]
    for member in members {
      let path = "\(path).\(member.key)"
      guard let name = try text(member.value, "name", path) else {
        throw wrong("\(path).name", "expected a string")
      }
      guard let list = member.value["tools"]?.array else {
        throw wrong("\(path).tools", "expected a list")
      }
      var tools: [ToolDefinition] = []
      for (index, tool) in list.enumerated() {
        tools.append(try definition(tool, "\(path).tools[\(index)]"))
      }
      namespaces[member.key] = ToolNamespace(
        name: name, description: try text(member.value, "description", path), tools: tools)
    }
    return namespaces
  }

  private static func definition(
    _ json: JSONValue, _ path: String
  ) throws(ConversationError) -> ToolDefinition {
    guard let name = try text(json, "name", path) else {
      throw wrong("\(path).name", "expected a string")
    }
    guard let description = try text(json, "description", path) else {
      throw wrong("\(path).description", "expected a string")
    }
    let parameters = json["parameters"].flatMap { $0.isNull ? nil : $0 }
    return ToolDefinition(name: name, description: description, parameters: parameters)
  }
}

extension DecodedMessage {
  /// The message in openai-harmony's JSON form.
  package var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("role", .string("assistant")),
      .init("name", .null),
      .init(
        "content",
        .array([.object([.init("type", .string("text")), .init("text", .string(text))])])),
    ]
    if let channel { members.append(.init("channel", .string(channel))) }
    if let recipient { members.append(.init("recipient", .string(recipient))) }
    if let contentType { members.append(.init("content_type", .string(contentType))) }
    return .object(members)
  }
}
