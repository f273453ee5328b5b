/// What happens while a question is answered, in order; the stream ends with `done` or an error.
public enum GenerationEvent: Sendable {
  /// Which model answers, and why.
  case routed(Route)
  /// The index is being searched with this query. A follow-up is searched together with what was
  /// asked before, which then stands in brackets behind it.
  case retrieving(query: String)
  /// What goes into the prompt, in order of the numbers to cite (`source.n`). Sent again, whole, when
  /// the model's own searches add to it.
  case retrieved([Source])
  /// The prompt is being read: tokens done of tokens to do. Reused tokens are not counted.
  case prefill(done: Int, total: Int)
  /// The model thinks; not part of the answer. `tokens`: generated so far for this answer.
  case thinking(String, tokens: Int)
  /// A remark meant for the user before the answer.
  case commentary(String)
  /// The next piece of the answer.
  case text(String)
  /// Something the user should know: turns dropped, nothing retrieved, a malformed stream mended.
  case notice(String)
  /// The answer is complete, or was stopped; its text is what was streamed.
  case done(Answer)
}

/// A model chosen for a question.
public struct Route: Sendable, Equatable, Codable {
  /// The model's id.
  public let choice: String
  /// Why, in words.
  public let reason: String
  /// The host the text goes to; nil while it stays on this machine.
  public let host: String?

  public init(choice: String, reason: String, host: String? = nil) {
    self.choice = choice
    self.reason = reason
    self.host = host
  }
}

/// A passage of a document that went into a prompt.
public struct Source: Sendable, Equatable, Codable {
  /// The number the answer cites it by, from 1.
  public internal(set) var n: Int
  public let path: String
  /// Lines, from 1, both inclusive.
  public let startLine: Int
  public let endLine: Int
  /// Bytes of the file, end exclusive.
  public let startByte: Int
  public let endByte: Int
  public let text: String
  /// Places of its passages among those of the document; nil where that is not known.
  package var ordinals: ClosedRange<Int>?

  private enum CodingKeys: String, CodingKey {
    case n, path, startLine, endLine, startByte, endByte, text
  }

  public init(
    n: Int, path: String, startLine: Int, endLine: Int, startByte: Int, endByte: Int, text: String
  ) {
    self.n = n
    self.path = path
    self.startLine = startLine
    self.endLine = endLine
    self.startByte = startByte
    self.endByte = endByte
    self.text = text
  }

  /// A whole text that came with the question.
  init(_ attachment: AskOptions.Attachment, n: Int) {
    let newlines = attachment.text.utf8.count { $0 == UInt8(ascii: "\n") }
    let endsLine = attachment.text.utf8.last == UInt8(ascii: "\n")
    self.init(
      n: n, path: attachment.path, startLine: 1, endLine: max(1, newlines + (endsLine ? 0 : 1)),
      startByte: 0, endByte: attachment.text.utf8.count, text: attachment.text)
  }
}

/// A place in the answer that points to a source, and whether the source bears it out.
public struct Citation: Sendable, Equatable, Codable {
  public let n: Int
  public let path: String
  public let startLine: Int
  public let endLine: Int
  public let startByte: Int
  public let endByte: Int
  /// The sentence of the source that comes nearest to what is claimed.
  public let quote: String
  /// Whether the source says what the cited sentence claims; see `CitationCheck`.
  public let supported: Bool
  /// The check's score, 0...1.
  public let score: Double
  /// How near in meaning the sentence is to `quote`, together with a second sentence of the source
  /// where it takes two: the cosine of their embeddings, -1...1. nil where no embedding model was
  /// loaded. Told beside the verdict, no part of it: a false claim in the source's words is near too.
  public internal(set) var agreement: Double?
  /// Whether the model wrote the number, or Carrel matched an uncited sentence to the source.
  public let writtenByModel: Bool
}

/// Why an answer ended.
public enum AnswerStop: String, Sendable, Codable {
  /// The model ended its turn.
  case endOfTurn
  /// The limit on answer tokens was reached.
  case maximumTokens
  /// The context window is full.
  case contextFull
  /// The user stopped it.
  case cancelled
  /// The model wanted to go on searching beyond the limit.
  case toolCall
  /// No passage was found, so no model was asked.
  case nothingRetrieved
}

/// A whole answer with what is known of how it came about.
public struct Answer: Sendable {
  public let text: String
  public let citations: [Citation]
  public let sources: [Source]
  public let model: String
  public let route: Route
  public let stop: AnswerStop
  public let notices: [String]
  public let stats: AnswerStats
  /// What the index was searched for; nil where it was not.
  public var searched: SearchedFor?
  /// How much of it the passages bear out; nil where there were none, and for answers of earlier runs.
  public var check: AnswerCheck?
  /// What the prompt was made of; nil where no model was asked, and for answers of earlier runs.
  public var prompt: PromptContents?
}

/// What the index was searched for to answer a question.
public struct SearchedFor: Sendable, Equatable, Codable {
  public let query: String
  /// The earlier questions that a follow-up was searched together with, which count half; nil for a
  /// question that stands by itself.
  public let background: String?
}

/// Counts and speeds of one answer.
public struct AnswerStats: Sendable, Equatable {
  /// Tokens of the whole prompt, those taken over from the previous turn included.
  public var promptTokens = 0
  /// Prompt tokens that were already in the KV cache.
  public var cachedTokens = 0
  public var generatedTokens = 0
  /// Of these, the ones that were guessed from the prompt and found right.
  public var draftedTokens = 0
  /// Newly read prompt tokens a second; 0 when none were read.
  public var prefillTokensPerSecond = 0.0
  public var decodeTokensPerSecond = 0.0
  public var retrievalSeconds = 0.0
  /// Faults of the model's stream that were mended, by kind.
  public var recoveries: [String: Int] = [:]
  /// Highest resident memory of this process so far, in bytes.
  public var peakMemoryBytes = 0
}
