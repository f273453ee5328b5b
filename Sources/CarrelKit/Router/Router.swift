/// Decides which of the installed models answers a question: a small one that stays resident for
/// greetings, titles, summaries and short answers, a large one for code, documents, analysis and
/// anything long.
///
/// Pure: features and candidates in, a decision with its reason out.
public struct Router: Sendable {
  /// A model that could answer.
  public struct Candidate: Sendable, Equatable {
    public let id: String
    /// Other names users give it.
    public let aliases: [String]
    /// Higher is better; the catalogue's.
    public let rank: Int
    /// Bytes of its weights; 0 for a model that runs elsewhere.
    public let weightBytes: Int
    /// Whether the memory gate lets it in, or it is in already.
    public let fits: Bool
    /// Loaded and ready: choosing it costs nothing.
    public let isReady: Bool

    public init(
      id: String, aliases: [String] = [], rank: Int, weightBytes: Int, fits: Bool, isReady: Bool
    ) {
      self.id = id
      self.aliases = aliases
      self.rank = rank
      self.weightBytes = weightBytes
      self.fits = fits
      self.isReady = isReady
    }
  }

  /// Answers of more tokens than this are the large model's.
  public static let largeBudget = 140
  /// Questions of more words than this are the large model's.
  static let largeQuestion = 60
  /// Passages of fewer tokens than this are no context worth a large model.
  static let largeContext = 32
  /// A small model has at most this much weight: about three billion parameters in four bits.
  static let smallWeight = 2_000_000_000

  let candidates: [Candidate]

  public init(_ candidates: [Candidate]) {
    self.candidates = candidates.sorted { ($0.rank, $1.id) > ($1.rank, $0.id) }
  }

  /// The best of the small ones, fitting ones first; nil when none is small.
  var small: Candidate? {
    let small = candidates.filter { $0.weightBytes > 0 && $0.weightBytes <= Self.smallWeight }
    return small.first(where: \.fits) ?? small.first
  }

  /// The best there is.
  var large: Candidate? { candidates.first(where: \.fits) ?? candidates.first }

  /// - Parameters:
  ///   - tokenBudget: the caller's limit on the answer; nil when it set none.
  ///   - contextTokens: tokens of what was retrieved.
  public func decide(
    _ question: String, tokenBudget: Int? = nil, contextTokens: Int = 0
  ) -> RouteDecision {
    let request = ModelRequest(question, candidates: candidates)
    let features = QuestionFeatures(
      request.question, tokenBudget: tokenBudget, contextTokens: contextTokens)
    let (size, why) = size(for: features)
    var wanted = size == .small ? small ?? large : large ?? small
    var reason = why
    switch request.wish {
    case .model(let id):
      wanted = candidates.first { $0.id == id }
      reason = "asked for by name"
    case .size(let asked):
      wanted = asked == .small ? small ?? large : candidates.first ?? small
      reason = "the \(asked.rawValue) model was asked for"
    case nil: break
    }
    // The chain: what is wanted, then the best that fits, then anything smaller.
    var chain: [Candidate] = []
    for candidate in [wanted].compactMap({ $0 }) + candidates where !chain.contains(candidate) {
      chain.append(candidate)
    }
    let choice = chain.first(where: \.fits)
    if let choice, let wanted, choice.id != wanted.id {
      reason += "; \(wanted.id) does not fit, so \(choice.id) answers"
    } else if candidates.count == 1, request.wish == nil {
      reason = "the only installed model"
    }
    return RouteDecision(
      choice: choice?.id, chain: chain.filter(\.fits).map(\.id), features: features,
      reason: reason, question: request.question)
  }

  enum Size: String, Sendable { case small, large }

  private func size(for features: QuestionFeatures) -> (Size, String) {
    let readyLarge = large.map { $0.isReady && $0.id != small?.id } ?? false
    switch features.task {
    case .meta: return (.small, "a greeting or a question about this conversation")
    case .title: return (.small, "a title")
    case .code: return (.large, "code")
    case .documents: return (.large, "about your documents")
    case .analysis: return (.large, "analysis")
    case .long: return (.large, "a long text")
    case .summary, .short:
      if features.contextTokens >= Self.largeContext, features.task == .short {
        return (.large, "answered from \(features.contextTokens) tokens of your documents")
      }
      if let budget = features.tokenBudget, budget > Self.largeBudget {
        return (.large, "an answer of up to \(budget) tokens")
      }
      if features.words > Self.largeQuestion {
        return (.large, "a question of \(features.words) words")
      }
      if features.task == .summary { return (.small, "a short summary") }
      return readyLarge
        ? (.large, "a short question, and the large model is ready")
        : (.small, "a short question")
    }
  }
}

/// Which model answers, which would come next, and why.
public struct RouteDecision: Sendable, Equatable, Codable {
  /// The model's id; nil when nothing fits.
  public let choice: String?
  /// Ids to try in turn, the choice first.
  public let chain: [String]
  public let features: QuestionFeatures
  /// In words.
  public let reason: String
  /// The question without the words that named a model.
  public let question: String
}
