import Tokenization

/// Writes a Harmony conversation as token ids, exactly as openai-harmony 0.0.8 does.
///
/// Every text is encoded on its own and without special tokens, in the reference's pieces: role,
/// name, recipient, channel, content type, each content. Control tokens are written by id only.
package struct HarmonyRenderer: Sendable {
  /// Which past analysis is left out.
  package enum AnalysisPolicy: Sendable {
    /// Ours: none before the newest answer or question is kept; all after it is, because an
    /// unfinished tool loop needs its thoughts. This is what docs/format.md asks for.
    case dropPast
    /// The reference's: only what precedes the *first* final message is dropped, and only when the
    /// newest assistant message is a final one.
    case reference
    case keepAll
  }

  let tokenizer: any Tokenizer
  let tokens: HarmonyControlTokens

  package init(tokenizer: any Tokenizer) throws(ConversationError) {
    self.tokenizer = tokenizer
    tokens = try HarmonyControlTokens(tokenizer)
  }

  /// The whole prompt, ending with `<|start|>assistant`.
  package func renderForCompletion(
    _ conversation: HarmonyConversation, analysis policy: AnalysisPolicy = .dropPast
  ) -> [TokenID] {
    var ids: [TokenID] = []
    let functions = conversation.hasFunctionTools
    let kept = Self.kept(conversation.messages, under: policy)
    for (message, keep) in zip(conversation.messages, kept) where keep {
      render(message, hasFunctionTools: functions, into: &ids)
    }
    openAssistant(into: &ids)
    return ids
  }

  func openAssistant(into ids: inout [TokenID]) {
    ids.append(tokens.start)
    text("assistant", into: &ids)
  }

  /// Which messages stay, in order.
  static func kept(_ messages: [HarmonyMessage], under policy: AnalysisPolicy) -> [Bool] {
    let isFinal = { (message: HarmonyMessage) in message.channel == "final" }
    let end: Int
    switch policy {
    case .keepAll: end = 0
    case .reference:
      let newest = messages.last { $0.author == .assistant }
      end = newest.map(isFinal) == true ? messages.firstIndex(where: isFinal) ?? 0 : 0
    case .dropPast:
      end = messages.lastIndex { isFinal($0) || $0.author == .user } ?? 0
    }
    return messages.indices.map { $0 >= end || messages[$0].channel != "analysis" }
  }

  func render(_ message: HarmonyMessage, hasFunctionTools: Bool, into ids: inout [TokenID]) {
    ids.append(tokens.start)
    if message.author == .tool {
      text(message.name ?? "tool", into: &ids)
    } else {
      text(message.author.rawValue, into: &ids)
      if let name = message.name { text(":\(name)", into: &ids) }
    }
    if let recipient = message.recipient, recipient != "all" {
      text(" to=\(recipient)", into: &ids)
    }
    if let channel = message.channel {
      ids.append(tokens.channel)
      text(channel, into: &ids)
    }
    if let type = message.contentType {
      let marker = "<|constrain|>".utf8
      if type.utf8.starts(with: marker) {
        // The one place where a text field may name a control token.
        text(" ", into: &ids)
        ids.append(tokens.constrain)
        text(String(Substring(type.utf8.dropFirst(marker.count))), into: &ids)
      } else {
        text(" \(type)", into: &ids)
      }
    }
    ids.append(tokens.message)
    for content in message.content {
      switch content {
      case .text(let value): text(value, into: &ids)
      case .system(let system):
        text(system.rendered(hasFunctionTools: hasFunctionTools), into: &ids)
      case .developer(let developer): text(developer.rendered, into: &ids)
      }
    }
    ids.append(
      message.author == .assistant && message.recipient != nil ? tokens.call : tokens.end)
  }

  private func text(_ text: String, into ids: inout [TokenID]) {
    guard !text.isEmpty else { return }
    ids += tokenizer.encode(text, special: .asText)
  }
}

extension HarmonySystemContent {
  func rendered(hasFunctionTools: Bool) -> String {
    var sections: [String] = []
    var top: [String] = []
    if let identity { top.append(identity) }
    if let knowledgeCutoff { top.append("Knowledge cutoff: \(knowledgeCutoff)") }
    if let date { top.append("Current date: \(date)") }
    if !top.isEmpty { sections.append(top.joined(separator: "\n")) }
    if let effort { sections.append("Reasoning: \(effort.rawValue)") }
    if !tools.isEmpty { sections.append(ToolSection.rendered(tools)) }
    if !channels.isEmpty {
      var line = "# Valid channels: \(channels.joined(separator: ", "))."
      if channelRequired { line += " Channel must be included for every message." }
      if hasFunctionTools {
        line += "\nCalls to these tools must go to the commentary channel: 'functions'."
      }
      sections.append(line)
    }
    return sections.joined(separator: "\n\n")
  }
}

extension HarmonyDeveloperContent {
  var rendered: String {
    var sections: [String] = []
    if let instructions { sections += ["# Instructions", instructions] }
    if !tools.isEmpty { sections.append(ToolSection.rendered(tools)) }
    return sections.joined(separator: "\n\n")
  }
}
