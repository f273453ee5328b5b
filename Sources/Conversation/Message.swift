import Tokenization

/// Who speaks. A tool speaks under its full name, for example `functions.search_documents`.
package enum Role: Sendable, Hashable {
  case system, developer, user, assistant
  case tool(String)
}

/// One message of a conversation, as history keeps it.
///
/// Plain chat families use `role` and `content` only; Harmony uses all fields. `content` is always
/// plain text: nothing in it can become a control token, whichever format renders it.
package struct Message: Sendable, Equatable {
  package var role: Role
  package var content: String
  /// Harmony channel: `analysis`, `commentary` or `final`; nil for messages not by the assistant.
  package var channel: String?
  /// Harmony recipient, for example `functions.search_documents`; set on tool calls.
  package var recipient: String?
  /// Harmony content type as the reference writes it, for example `<|constrain|>json`.
  package var contentType: String?
  /// Set on the first message of one generation: the ids the model wrote for it and its followers.
  package var generated: GeneratedSpan?

  package init(
    _ role: Role, _ content: String, channel: String? = nil, recipient: String? = nil,
    contentType: String? = nil, generated: GeneratedSpan? = nil
  ) {
    self.role = role
    self.content = content
    self.channel = channel
    self.recipient = recipient
    self.contentType = contentType
    self.generated = generated
  }

  /// A tool's answer to the assistant, in the form Harmony wants it.
  package static func toolResult(of name: String, _ content: String) -> Message {
    Message(.tool(name), content, channel: "commentary", recipient: "assistant")
  }
}

/// The ids of one generation, kept because a re-rendered tool call differs from what the model wrote.
///
/// `ids` follow the prompt's `<|start|>assistant` and end with the boundary token; they stand for
/// `messageCount` messages: the one that carries the span and those after it.
package struct GeneratedSpan: Sendable, Equatable {
  package let ids: [TokenID]
  package let messageCount: Int

  package init(ids: [TokenID], messageCount: Int) {
    self.ids = ids
    self.messageCount = messageCount
  }
}

/// A call the model made to a tool that was offered, with arguments that are a JSON object.
package struct ToolCall: Sendable, Equatable {
  /// Name within its namespace, for example `search_documents`.
  package let name: String
  /// The recipient as the model wrote it, for example `functions.search_documents`.
  package let recipient: String
  /// The arguments: text of one JSON object, checked.
  package let arguments: String

  package init(name: String, recipient: String, arguments: String) {
    self.name = name
    self.recipient = recipient
    self.arguments = arguments
  }
}
