/// What can go wrong when a conversation is read or rendered.
package struct ConversationError: Error, Equatable, CustomStringConvertible {
  package enum Code: Sendable {
    /// The text is not JSON; `offset` is the byte at which reading stopped.
    case malformedJSON
    /// The JSON is not a conversation: a field is missing or of another kind.
    case malformedConversation
    /// The vocabulary lacks a control token the format needs.
    case missingControlToken
  }

  package let code: Code
  package let message: String
  /// What it concerns: a JSON path such as `messages[2].role`, or a token's name.
  package let subject: String
  /// Byte offset into the text that was read, where there is one.
  package let offset: Int?

  package init(_ code: Code, _ message: String, subject: String = "", offset: Int? = nil) {
    self.code = code
    self.message = message
    self.subject = subject
    self.offset = offset
  }

  package var description: String {
    var text = subject.isEmpty ? message : "\(subject): \(message)"
    if let offset { text += " (at byte \(offset))" }
    return text
  }
}
