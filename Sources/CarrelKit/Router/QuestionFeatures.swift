/// What a question asks for, read from its words alone: no model, no index, no clock.
public struct QuestionFeatures: Sendable, Equatable, Codable {
  /// The kind of work.
  public enum Task: String, Sendable, Codable, CaseIterable {
    /// A greeting, thanks, or a question about the program or this conversation.
    case meta
    /// A title or headline.
    case title
    /// A summary of what the question or the conversation itself holds.
    case summary
    /// A question with a short answer; what nothing else claims.
    case short
    case code
    /// About the user's documents.
    case documents
    /// Reasons, comparisons, plans, proofs.
    case analysis
    /// A text of some length.
    case long
  }

  public let task: Task
  /// Words of the question.
  public let words: Int
  /// Tokens wanted, when the caller or the question says how many.
  public let tokenBudget: Int?
  /// Tokens of the passages found for it.
  public let contextTokens: Int

  /// - Parameters:
  ///   - tokenBudget: the caller's limit on the answer; nil when it set none.
  ///   - contextTokens: tokens of what was retrieved, 0 when nothing was.
  package init(_ question: String, tokenBudget: Int? = nil, contextTokens: Int = 0) {
    let text = QuestionWords(question)
    task = QuestionCues.task(of: text)
    words = text.words.count
    self.tokenBudget = tokenBudget ?? QuestionCues.statedBudget(text)
    self.contextTokens = contextTokens
  }
}

/// A question cut into lowercase words, beside its text.
package struct QuestionWords {
  let text: String
  let words: [String]
  /// Whether a name as programs have them is among the words: `parseHeader`, `parse_header`.
  let holdsIdentifier: Bool

  package init(_ question: String) {
    text = question.lowercased()
    holdsIdentifier = question.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.contains {
      word in
      word.dropFirst().dropLast().contains("_")
        || word.prefix(2).allSatisfy(\.isLowercase)
          && word.dropFirst(2).contains(where: \.isUppercase)
    }
    words = text.split { !$0.isLetter && !$0.isNumber && $0 != "'" && $0 != "-" }.map(String.init)
  }

  /// Whether a word, or a part of a word with hyphens, is in the list.
  func contains(anyOf list: Set<String>) -> Bool {
    words.contains { word in
      list.contains(word)
        || word.contains("-") && word.split(separator: "-").contains { list.contains(String($0)) }
    }
  }

  /// Whether the words of a phrase stand side by side.
  func contains(phrase: String) -> Bool {
    let wanted = phrase.split(separator: " ").map(String.init)
    guard let first = wanted.first, words.count >= wanted.count else { return false }
    return words.indices.contains { start in
      words[start] == first && words[start...].starts(with: wanted)
    }
  }

  func contains(anyPhrase list: [String]) -> Bool { list.contains(where: contains(phrase:)) }

  /// Whether a word of one list is followed, at most `reach` words later, by one of another.
  func contains(_ first: Set<String>, then second: Set<String>, within reach: Int) -> Bool {
    words.indices.contains { place in
      first.contains(words[place])
        && words[place...].dropFirst().prefix(reach).contains(where: second.contains)
    }
  }
}
