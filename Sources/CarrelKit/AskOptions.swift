/// How one question is answered.
public struct AskOptions: Sendable, Equatable {
  /// Whether the documents are searched first.
  public enum Retrieval: Sendable, Equatable {
    /// Search; when nothing passes, say so and do not ask the model.
    case required
    /// Search; when nothing passes, say so and let the model answer by itself.
    case preferred
    /// Do not search.
    case off
  }

  public var retrieval: Retrieval = .required
  /// Offer the search of the index to the model as a function it may call (gpt-oss).
  public var offersSearchTool = false
  /// Passages offered to the prompt; how many go in is decided by the token budget.
  public var passages = 6
  /// The documents that are searched.
  public var scope = SearchScope.all
  /// Most tokens in the answer, the model's thoughts included; nil takes the workspace's setting.
  public var maximumTokens: Int?
  /// Sampling; nil takes the workspace's setting.
  public var temperature: Float?
  public var seed: UInt64?
  /// Texts that end the answer where they appear.
  public var stopStrings: [String] = []
  /// How much a reasoning model thinks first (gpt-oss); others ignore it.
  public var effort: Effort = .medium

  /// Texts given with the question. They are offered to the model before what is found, numbered and
  /// fenced like passages, and can be cited; they are not searched for.
  public var attachments: [Attachment] = []

  /// A text that comes with a question.
  public struct Attachment: Sendable, Equatable {
    /// Where it is from: a path, or any name to cite it by.
    public let path: String
    public let text: String

    public init(path: String, text: String) {
      self.path = path
      self.text = text
    }
  }

  /// Guess tokens ahead from the prompt where that is faster; the answer is the same without.
  public var drafts = true

  public enum Effort: String, Sendable, CaseIterable {
    case low, medium, high
  }

  public init() {}
}
