import Conversation
import Inference
import Tokenization

/// Renders and decodes Harmony outside a session, to compare with openai-harmony.
public struct HarmonyInspector: Sendable {
  private let tokenizer: any Tokenizer
  private let renderer: HarmonyRenderer
  private let tokens: HarmonyControlTokens

  /// - Parameter path: a GGUF file with the o200k_harmony vocabulary, or `o200k_base.tiktoken`.
  public init(path: String) throws {
    tokenizer = try TokenizerSource.open(path: path)
    renderer = try HarmonyRenderer(tokenizer: tokenizer)
    tokens = try HarmonyControlTokens(tokenizer)
  }

  /// The prompt for the assistant's next message.
  ///
  /// - Parameter conversation: one conversation in openai-harmony's own JSON form.
  public func render(_ conversation: String) throws -> [Int32] {
    let parsed = try HarmonyConversationJSON.conversation(from: conversation)
    return renderer.renderForCompletion(parsed, analysis: .reference)
  }

  /// What a stream of generated ids (after `<|start|>assistant`) decodes to.
  ///
  /// - Parameter tools: names of the functions declared to the model; nil: any may be called.
  public func decode(_ ids: [Int32], tools: [String]? = nil) -> HarmonyStreamReport {
    let (events, result) = HarmonyDecoder.decode(
      ids, tokenizer: tokenizer, tokens: tokens,
      offered: tools.map { .named(Set($0)) } ?? .anyFunction)
    return HarmonyStreamReport(
      events: events.map(HarmonyStreamReport.Event.init),
      messages: result.messages.map(\.json.compact),
      visible: result.visible, notices: result.notices,
      recoveries: result.recoveries.reduce(into: [:]) { $0[$1.key.rawValue] = $1.value })
  }
}

/// One decoded stream, in the form `inspect harmony-stream` prints.
public struct HarmonyStreamReport: Sendable, Codable {
  public let events: [Event]
  /// The messages as JSON objects in openai-harmony's own form.
  public let messages: [String]
  /// What the user sees: commentary meant for the user, and the answer.
  public let visible: String
  public let notices: [String]
  /// Mended faults by kind.
  public let recoveries: [String: Int]

  public struct Event: Sendable, Codable {
    /// `thinking`, `commentary`, `text`, `toolCall`, `notice` or `end`.
    public let type: String
    public let text: String

    init(_ event: ResponseEvent) {
      switch event {
      case .thinking(let text): (type, self.text) = ("thinking", text)
      case .commentary(let text): (type, self.text) = ("commentary", text)
      case .text(let text): (type, self.text) = ("text", text)
      case .toolCall(let call): (type, text) = ("toolCall", "\(call.recipient) \(call.arguments)")
      case .notice(let text): (type, self.text) = ("notice", text)
      case .end(let reason): (type, text) = ("end", reason.rawValue)
      }
    }
  }
}
