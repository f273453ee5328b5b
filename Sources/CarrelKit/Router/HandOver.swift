import Conversation

/// The tool by which a small model hands a question to the large one: `gptoss.generate`.
///
/// Models that were not trained on tools call it in the form most chat families share, as the whole
/// answer: `<tool_call>{"name": "gptoss.generate", "arguments": {…}}</tool_call>`.
package struct HandOver: Sendable, Equatable {
  /// What the large model is asked.
  package let prompt: String
  package let taskType: String?
  package let temperature: Float?
  package let maximumTokens: Int?

  static let name = "gptoss.generate"

  /// What the small model is told.
  package static let instructions = """
    If the request needs code, long writing or careful reasoning that you cannot do well, do not \
    answer it. Reply with exactly this and nothing else: \
    <tool_call>{"name": "gptoss.generate", "arguments": {"prompt": "the request in full", \
    "task_type": "code"}}</tool_call>
    """

  /// Reads a call's JSON. Nil where the name is another or the prompt is missing or empty.
  package init?(call: String) {
    guard let json = try? JSONParser.parse(call), json["name"]?.string == Self.name,
      let arguments = json["arguments"],
      let prompt = arguments["prompt"]?.string, !prompt.allSatisfy(\.isWhitespace)
    else { return nil }
    self.prompt = prompt
    taskType = arguments["task_type"]?.string
    temperature = Self.number(arguments["temperature"]).flatMap {
      (0...2).contains($0) ? Float($0) : nil
    }
    maximumTokens = Self.number(arguments["max_tokens"]).flatMap {
      (1...1_000_000).contains($0) ? Int($0) : nil
    }
  }

  private static func number(_ value: JSONValue?) -> Double? {
    guard case .number(let text)? = value else { return nil }
    return Double(text)
  }
}

/// Watches the beginning of an answer for such a call. Text that is none passes on unchanged, held
/// back only while it could still become one.
package struct HandOverReader: Sendable {
  private enum State {
    /// Nothing but the beginning of the mark so far.
    case undecided(String)
    case call(String)
    case text
  }

  private var state = State.undecided("")
  private static let open = "<tool_call>"
  private static let close = "</tool_call>"
  /// A longer call is no call.
  private static let longestCall = 1 << 16

  package init() {}

  /// - Returns: text to show, and the call once it is complete.
  package mutating func feed(_ piece: String) -> (text: String, call: HandOver?) {
    switch state {
    case .text: return (piece, nil)
    case .undecided(let held):
      let whole = held + piece
      let trimmed = whole.drop(while: \.isWhitespace)
      if trimmed.hasPrefix(Self.open) {
        state = .call("")
        return feed(String(trimmed.dropFirst(Self.open.count)))
      }
      if Self.open.hasPrefix(trimmed) {
        state = .undecided(whole)
        return ("", nil)
      }
      state = .text
      return (whole, nil)
    case .call(let held):
      let whole = held + piece
      guard let end = whole.firstRange(of: Self.close) else {
        guard whole.utf8.count <= Self.longestCall else { return giveUp(whole) }
        state = .call(whole)
        return ("", nil)
      }
      guard let call = HandOver(call: String(whole[..<end.lowerBound])) else {
        return giveUp(whole)
      }
      state = .undecided("")
      return ("", call)
    }
  }

  /// The answer ended: a call without its closing mark counts if its JSON is whole.
  package mutating func finish() -> (text: String, call: HandOver?) {
    defer { state = .text }
    switch state {
    case .text: return ("", nil)
    case .undecided(let held): return (held, nil)
    case .call(let held):
      if let call = HandOver(call: held) { return ("", call) }
      return (Self.open + held, nil)
    }
  }

  private mutating func giveUp(_ whole: String) -> (text: String, call: HandOver?) {
    state = .text
    return (Self.open + whole, nil)
  }
}
