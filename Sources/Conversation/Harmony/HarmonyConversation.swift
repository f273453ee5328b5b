/// A conversation as the Harmony reference models it: what `HarmonyRenderer` turns into ids.
package struct HarmonyConversation: Sendable, Equatable {
  package var messages: [HarmonyMessage]

  package init(_ messages: [HarmonyMessage]) {
    self.messages = messages
  }

  /// Whether a developer message declares functions; the system message then says where calls go.
  var hasFunctionTools: Bool {
    messages.contains { message in
      message.content.contains { content in
        if case .developer(let developer) = content {
          developer.tools["functions"]?.tools.isEmpty == false
        } else {
          false
        }
      }
    }
  }
}

package struct HarmonyMessage: Sendable, Equatable {
  package enum Author: String, Sendable {
    case system, developer, user, assistant, tool
  }

  package var author: Author
  /// A tool's full name; for others an optional name that follows the role after a colon.
  package var name: String?
  package var recipient: String?
  package var channel: String?
  package var contentType: String?
  package var content: [HarmonyContent]

  package init(
    _ author: Author, name: String? = nil, recipient: String? = nil, channel: String? = nil,
    contentType: String? = nil, content: [HarmonyContent]
  ) {
    self.author = author
    self.name = name
    self.recipient = recipient
    self.channel = channel
    self.contentType = contentType
    self.content = content
  }
}

package enum HarmonyContent: Sendable, Equatable {
  case text(String)
  case system(HarmonySystemContent)
  case developer(HarmonyDeveloperContent)
}

/// What a system message says. A nil or empty field leaves its lines out.
package struct HarmonySystemContent: Sendable, Equatable {
  package var identity: String?
  package var effort: ReasoningEffort?
  package var knowledgeCutoff: String?
  /// `YYYY-MM-DD`.
  package var date: String?
  package var channels: [String]
  package var channelRequired: Bool
  /// Built-in tools by namespace, rendered in the order of their names.
  package var tools: [String: ToolNamespace]

  package init(
    identity: String?, effort: ReasoningEffort?, knowledgeCutoff: String?, date: String?,
    channels: [String], channelRequired: Bool, tools: [String: ToolNamespace] = [:]
  ) {
    self.identity = identity
    self.effort = effort
    self.knowledgeCutoff = knowledgeCutoff
    self.date = date
    self.channels = channels
    self.channelRequired = channelRequired
    self.tools = tools
  }

  /// What gpt-oss was trained on; docs/format.md advises to keep the identity and to put one's own
  /// into the developer message.
  package static func standard(effort: ReasoningEffort, date: String?) -> HarmonySystemContent {
    HarmonySystemContent(
      identity: "You are ChatGPT, a large language model trained by OpenAI.", effort: effort,
      knowledgeCutoff: "2024-06", date: date, channels: ["analysis", "commentary", "final"],
      channelRequired: true)
  }
}

/// What a developer message says: what other formats call the system prompt, and our functions.
package struct HarmonyDeveloperContent: Sendable, Equatable {
  package var instructions: String?
  package var tools: [String: ToolNamespace]

  package init(instructions: String? = nil, tools: [String: ToolNamespace] = [:]) {
    self.instructions = instructions
    self.tools = tools
  }
}
