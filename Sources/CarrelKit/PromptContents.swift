/// What a prompt was made of, in tokens as the model's tokenizer counts them, and what was left out.
/// The tokens that a chat format spends around messages are in none of the parts.
public struct PromptContents: Sendable, Equatable {
  /// A passage, by its place in the order of relevance from 1.
  public struct Passage: Sendable, Equatable {
    public let path: String
    public let startLine: Int
    public let endLine: Int
    public let tokens: Int
  }
  /// An earlier question with its passages, and its answer.
  public struct EarlierTurn: Sendable, Equatable {
    public let question: String
    public let tokens: Int
  }

  public var instructions = 0
  public var question = 0
  public var passages: [Passage] = []
  public var turns: [EarlierTurn] = []
  public var droppedPassages: [Passage] = []
  public var droppedTurns: [EarlierTurn] = []
  /// Kept free for the answer.
  public var reserve = 0
  /// The whole window.
  public var context = 0
}
