import Conversation
import Registry

/// One question to an OpenAI-compatible server, as JSON: the request out, the answer's pieces in.
/// Pure; `EventStreamPost` carries it. Fields: OpenAI's chat completions with `stream`, and the
/// reasoning fields vLLM, SGLang, llama-server and Ollama add for gpt-oss.
package struct RemoteChat: Sendable {
  package let model: String
  package let messages: [Message]
  /// Most tokens in the answer.
  package let maximumTokens: Int
  package let temperature: Float
  package let seed: UInt64?
  package let stopStrings: [String]
  package let effort: String

  package init(
    model: String, messages: [Message], maximumTokens: Int, temperature: Float, seed: UInt64?,
    stopStrings: [String], effort: String
  ) {
    self.model = model
    self.messages = messages
    self.maximumTokens = maximumTokens
    self.temperature = temperature
    self.seed = seed
    self.stopStrings = stopStrings
    self.effort = effort
  }

  /// The request's body.
  package var json: String {
    typealias Member = JSONValue.Member
    var members = [
      Member("model", .string(model)),
      Member(
        "messages",
        .array(
          messages.map { message in
            .object([
              Member("role", .string(Self.name(of: message.role))),
              Member("content", .string(message.content)),
            ])
          })),
      Member("stream", .bool(true)),
      Member("stream_options", .object([Member("include_usage", .bool(true))])),
      Member("max_tokens", .number(String(maximumTokens))),
      Member("temperature", .number(String(temperature))),
    ]
    // Servers keep seeds in 32 or 64 bits with a sign.
    if let seed { members.append(Member("seed", .number(String(seed % (1 << 31))))) }
    if !stopStrings.isEmpty {
      members.append(Member("stop", .array(stopStrings.prefix(4).map(JSONValue.string))))
    }
    if model.contains("gpt-oss") {
      members.append(Member("reasoning_effort", .string(effort)))
    }
    return JSONValue.object(members).compact
  }

  private static func name(of role: Role) -> String {
    switch role {
    case .system, .developer: "system"
    case .user: "user"
    case .assistant: "assistant"
    case .tool: "tool"
    }
  }
}

/// Reads the events of such an answer.
package struct RemoteAnswerReader: Sendable {
  /// Tokens as the server counts them; nil where it does not say.
  package private(set) var promptTokens: Int?
  package private(set) var answerTokens: Int?
  /// Pieces of text seen: what is counted where the server does not count.
  package private(set) var pieces = 0
  package private(set) var stop: StopReason?
  /// What the server says went wrong.
  package private(set) var failure: String?
  package private(set) var isDone = false

  package init() {}

  /// Takes the data of one event.
  package mutating func feed(_ data: String) -> [ResponseEvent] {
    guard !isDone else { return [] }
    if data == "[DONE]" {
      isDone = true
      return []
    }
    guard let chunk = try? JSONParser.parse(data) else {
      failure = "sent an event that is not JSON"
      return []
    }
    if let error = chunk["error"], !error.isNull {
      failure = error["message"]?.string ?? error.string ?? error.compact
      return []
    }
    if let usage = chunk["usage"], usage.isObject {
      promptTokens = Self.count(usage["prompt_tokens"]) ?? promptTokens
      answerTokens = Self.count(usage["completion_tokens"]) ?? answerTokens
    }
    guard let choice = chunk["choices"]?.array?.first else { return [] }
    var events: [ResponseEvent] = []
    let delta = choice["delta"]
    for field in ["reasoning_content", "reasoning", "thinking"] {
      if let text = delta?[field]?.string, !text.isEmpty {
        events.append(.thinking(text))
        pieces += 1
        break
      }
    }
    if let text = delta?["content"]?.string, !text.isEmpty {
      events.append(.text(text))
      pieces += 1
    }
    switch choice["finish_reason"]?.string {
    case "stop": stop = .endOfTurn
    case "length": stop = .maximumTokens
    case "tool_calls", "function_call":
      stop = .toolCall
      events.append(.notice("The model called a tool that was not offered."))
    case .some, nil: break
    }
    return events
  }

  /// A number of tokens that can be true; servers are believed no other.
  private static func count(_ value: JSONValue?) -> Int? {
    guard case .number(let text)? = value, let count = Int(text), (0...10_000_000).contains(count)
    else { return nil }
    return count
  }
}
