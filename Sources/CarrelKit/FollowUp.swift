/// Makes a query that can be searched out of a question that leans on the one before it.
///
/// "And on Windows?" finds nothing by itself. A question is taken for a follow-up when it is short
/// and opens with a connective, or stands on a pronoun; the previous question is then put before it.
/// A rule, not a model: it costs nothing, and the query used is reported.
package enum FollowUp {
  package static func query(for question: String, after previous: String?) -> String {
    guard let previous, isFollowUp(question) else { return question }
    return previous + " " + question
  }

  package static func isFollowUp(_ question: String) -> Bool {
    let words = question.lowercased().split { !$0.isLetter && !$0.isNumber && $0 != "'" }
    guard let first = words.first, words.count <= 12 else { return false }
    if openers.contains(String(first)) { return true }
    if words.contains(where: { pronouns.contains(String($0)) }) { return true }
    return words.count <= 2
  }

  private static let openers: Set<String> = ["and", "but", "so", "then", "also"]
  private static let pronouns: Set<String> = [
    "it", "its", "they", "them", "their", "this", "that", "these", "those", "he", "she", "him",
    "her", "there", "one", "ones", "same",
  ]
}
