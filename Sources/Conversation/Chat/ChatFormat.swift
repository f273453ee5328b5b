import Tokenization

/// How a model family writes a conversation, and how its answers are read.
///
/// Every conformer passes this test: rendering messages whose texts hold the family's own control
/// token names gives the same control tokens, in number and order, as rendering harmless texts.
package protocol ChatFormat: Sendable {
  var family: ChatFamily { get }
  /// The prompt, ready for the assistant to go on. Stable text comes first, so that the next
  /// prompt shares the longest prefix with this one.
  func render(_ messages: [Message]) -> [TokenID]
  /// Sampling ends at these.
  var stopTokens: [TokenID] { get }
  /// A fresh decoder for one answer to a prompt of this format.
  func makeDecoder() -> any ResponseDecoder
}

/// How much a reasoning model thinks before it answers.
package enum ReasoningEffort: String, Sendable, CaseIterable {
  case low, medium, high
}

/// What a format is told besides the messages. A family ignores what it has no place for.
package struct ChatOptions: Sendable {
  /// Harmony's `Reasoning:` line.
  package var effort: ReasoningEffort = .medium
  /// Today as `YYYY-MM-DD`; nil leaves the date out.
  package var date: String?
  /// Functions offered to the model (Harmony).
  package var tools: [ToolDefinition] = []
  /// Whether a model that can do both thinks before it answers (Qwen 3).
  package var thinks = true
  /// The answer ends where one of these appears.
  package var stopStrings: [String] = []

  package init(
    effort: ReasoningEffort = .medium, date: String? = nil, tools: [ToolDefinition] = [],
    thinks: Bool = true, stopStrings: [String] = []
  ) {
    self.effort = effort
    self.date = date
    self.tools = tools
    self.thinks = thinks
    self.stopStrings = stopStrings
  }
}
