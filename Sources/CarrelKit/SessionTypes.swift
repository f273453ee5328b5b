import FoundationEssentials

/// One kept conversation, as lists show it.
public struct SessionSummary: Sendable, Equatable, Codable {
  /// What `resume`, `show` and the others take; see `Workspace.newSessionID`.
  public let id: String
  /// The first question, on one line.
  public let title: String
  /// The model that answered last.
  public let model: String
  /// The folder the program ran in when it began.
  public let folder: String
  public let created: Date
  /// When something was last asked or answered.
  public let updated: Date
  /// Questions, those without an answer included.
  public let turns: Int
}

/// One question of a kept conversation, and what came of it.
public struct SessionTurn: Sendable, Equatable, Codable {
  public enum State: String, Sendable, Codable {
    /// Being answered; where no process is at it, the program was killed meanwhile and `answer` is
    /// what had come until at most a second before.
    case open
    /// Answered, or stopped by the user.
    case done
    /// Ended with an error, which is in `notices`.
    case failed
  }

  /// Place in the session, ascending; a question taken back leaves a gap.
  public let n: Int
  public let question: String
  public let answer: String
  public let state: State
  public let model: String
  public let route: Route?
  public let stop: AnswerStop?
  public let notices: [String]
  /// The passages that went into the prompt.
  public let sources: [Source]
  public let citations: [Citation]
  public let stats: AnswerStats
  public let settings: TurnSettings
  public let asked: Date
  public let answered: Date?
}

/// How one question was asked.
public struct TurnSettings: Sendable, Equatable, Codable {
  public var retrieval = "required"
  public var passages = 0
  public var effort = "medium"
  /// nil where the workspace's default was taken.
  public var temperature: Float?
  public var seed: UInt64?
  public var maximumTokens: Int?
  /// Tokens of the context window.
  public var context: Int?
}

/// A whole kept conversation. Its JSON form is what `exportSession` writes: fields may be added,
/// never renamed; dates are ISO 8601, speeds tokens a second.
public struct SessionTranscript: Sendable, Equatable, Codable {
  public let session: SessionSummary
  public let turns: [SessionTurn]
}

/// What a session can be exported as.
public enum SessionFormat: String, Sendable, CaseIterable {
  case markdown, json
}

extension TurnSettings {
  init(_ options: AskOptions, _ settings: WorkspaceSettings, context: Int) {
    switch options.retrieval {
    case .required: retrieval = "required"
    case .preferred: retrieval = "preferred"
    case .off: retrieval = "off"
    }
    passages = options.passages
    effort = options.effort.rawValue
    temperature = options.temperature ?? settings.temperature
    seed = options.seed ?? settings.seed
    maximumTokens = options.maximumTokens ?? settings.maximumTokens
    self.context = context
  }
}

/// Written by hand: a count added later must not make old sessions unreadable.
extension AnswerStats: Codable {
  private enum Key: String, CodingKey {
    case promptTokens, cachedTokens, generatedTokens, draftedTokens, prefillTokensPerSecond
    case decodeTokensPerSecond, retrievalSeconds, recoveries, peakMemoryBytes
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    self.init()
    promptTokens = try values.decodeIfPresent(Int.self, forKey: .promptTokens) ?? 0
    cachedTokens = try values.decodeIfPresent(Int.self, forKey: .cachedTokens) ?? 0
    generatedTokens = try values.decodeIfPresent(Int.self, forKey: .generatedTokens) ?? 0
    draftedTokens = try values.decodeIfPresent(Int.self, forKey: .draftedTokens) ?? 0
    prefillTokensPerSecond =
      try values.decodeIfPresent(Double.self, forKey: .prefillTokensPerSecond) ?? 0
    decodeTokensPerSecond =
      try values.decodeIfPresent(Double.self, forKey: .decodeTokensPerSecond) ?? 0
    retrievalSeconds = try values.decodeIfPresent(Double.self, forKey: .retrievalSeconds) ?? 0
    recoveries = try values.decodeIfPresent([String: Int].self, forKey: .recoveries) ?? [:]
    peakMemoryBytes = try values.decodeIfPresent(Int.self, forKey: .peakMemoryBytes) ?? 0
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(promptTokens, forKey: .promptTokens)
    try values.encode(cachedTokens, forKey: .cachedTokens)
    try values.encode(generatedTokens, forKey: .generatedTokens)
    try values.encode(draftedTokens, forKey: .draftedTokens)
    try values.encode(prefillTokensPerSecond, forKey: .prefillTokensPerSecond)
    try values.encode(decodeTokensPerSecond, forKey: .decodeTokensPerSecond)
    try values.encode(retrievalSeconds, forKey: .retrievalSeconds)
    try values.encode(recoveries, forKey: .recoveries)
    try values.encode(peakMemoryBytes, forKey: .peakMemoryBytes)
  }
}
