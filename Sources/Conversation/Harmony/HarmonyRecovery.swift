/// A repair the decoder made, by kind; the H numbers are the rows of the table of malformed streams
/// in <doc:HarmonyRecovery>.
package enum HarmonyRecovery: String, Sendable, CaseIterable {
  /// H3: no channel; taken for the answer.
  case missingChannel
  /// H4, H5: text without any header; taken for the answer.
  case bareText
  /// H6: the header was never closed; what follows the channel is the body.
  case missingMessage
  /// H7, H23: a channel name with something glued to it.
  case gluedChannel
  /// H8: the stream broke off inside a header.
  case stoppedInHeader
  /// H13: two recipients; the later one counts.
  case doubleRecipient
  /// H14: a call to a tool that was not offered.
  case undeclaredTool
  /// H15: a call from the analysis channel that is no call.
  case unfinishedAnalysisCall
  /// H17, H18: a recipient on the answer.
  case recipientOnFinal
  /// H19, H20: a content type without a recipient and a body of JSON.
  case orphanCall
  /// H21: a content type glued to a tool's name.
  case gluedToolName
  /// H22: a channel nobody knows.
  case unknownChannel
  /// H24: letters of the wrong case.
  case channelCase
  /// H25: an empty channel or space in front of it.
  case emptyChannel
  /// H26, H52: words in a header that mean nothing there.
  case strayHeaderText
  /// H27 to H29: more than one channel in one header.
  case duplicateChannel
  /// H30, H31: a header without `<|start|>`.
  case missingStart
  /// H32: text between two messages.
  case textBetweenMessages
  /// H33: a message that was not ended before the next began.
  case missingEnd
  /// H34: a header without a role.
  case missingRole
  /// H35: a channel in the place of the role.
  case channelAsRole
  /// H36: the model spoke for the user, the system or the developer.
  case foreignRole
  /// H37: the model invented a tool's answer.
  case inventedToolResult
  /// H39: more messages after the answer than one.
  case messagesAfterFinal
  /// H41: tokens after the end.
  case tokensAfterEnd
  /// H42: a boundary with no message before it.
  case emptyMessage
  /// H43: the prompt's own `<|start|>assistant` came back.
  case repeatedPrompt
  /// H44: a control token inside a body.
  case controlTokenInBody
  /// H44: `<|endoftext|>`.
  case endOfText
  /// H49: an id outside the vocabulary.
  case idOutsideVocabulary
  /// H51: arguments that are no JSON object.
  case malformedArguments
}

/// Which tools the model was offered: what a recipient may name.
package enum OfferedTools: Sendable, Equatable {
  /// Any function of the `functions` namespace: for looking at streams without their prompt.
  case anyFunction
  /// These functions, by their names within `functions`.
  case named(Set<String>)

  /// The function a recipient means, or nil when it was not offered. `glued` tells that a content
  /// type was cut off its end (H21).
  func resolve(_ recipient: String) -> (name: String, glued: Bool)? {
    let prefix = "functions."
    let name = recipient.hasPrefix(prefix) ? String(recipient.dropFirst(prefix.count)) : recipient
    switch self {
    case .anyFunction:
      return recipient.hasPrefix(prefix) && !name.isEmpty ? (name, false) : nil
    case .named(let names):
      if names.contains(name) { return (name, false) }
      for type in ["json", "code"] where name.hasSuffix(type) {
        let cut = String(name.dropLast(type.count))
        if names.contains(cut) { return (cut, true) }
      }
      return nil
    }
  }
}
