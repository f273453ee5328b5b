import Retrieval

/// Tells whether a question leans on the ones before it, and on which.
///
/// "And on Windows?" finds nothing by itself. A question is taken for a follow-up when it is short
/// and opens with a connective, or stands on a pronoun. It is then searched together with what was
/// asked before, which counts half (`SearchService.Background`). A rule, not a model: it costs
/// nothing, and what was searched for is reported.
package enum FollowUp {
  /// What the question leans on; nil when it stands by itself.
  /// - Parameter earlier: the questions before it, the newest last. One that leans on another itself
  ///   brings that one along.
  package static func background(of question: String, after earlier: [String]) -> String? {
    guard isFollowUp(question) else { return nil }
    var leaned: [String] = []
    for previous in earlier.suffix(maximumLinks).reversed() {
      leaned.append(previous)
      if !isFollowUp(previous) { break }
    }
    return leaned.isEmpty ? nil : leaned.reversed().joined(separator: " ")
  }

  package static func isFollowUp(_ question: String) -> Bool {
    let words = question.lowercased().split { !$0.isLetter && !$0.isNumber && $0 != "'" }
    let count = QueryTerms.wordCount(of: question)
    guard let first = words.first, count <= 12 else { return false }
    if openers.contains(String(first)) { return true }
    if words.contains(where: { pronouns.contains(String($0)) }) { return true }
    return count <= 2
  }

  /// Questions taken back at most.
  private static let maximumLinks = 3

  private static let openers: Set<String> = ["and", "but", "so", "then", "also"]
  private static let pronouns: Set<String> = [
    "it", "its", "they", "them", "their", "this", "that", "these", "those", "he", "she", "him",
    "her", "there", "one", "ones", "same",
  ]
}
