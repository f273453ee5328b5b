import Retrieval

/// Decides which hits are worth showing to a model, and whether any is. Pure.
///
/// The best passage must be like the question (`minimumOfBest`), or hold every telling word of it:
/// an identifier or an error code is like nothing, and found all the same. A greeting or request around
/// the question has no telling words (`Courtesy`). Passages beside the best
/// pass with less.
///
/// `minimumOfBest` was chosen from questions of one test collection put to the documents of another
/// (nothing there answers them) and to its own: at 0.35, of 1,819 questions 0.9 % of those with an
/// answer are refused and 9.6 % of those without are let through, most of them where both
/// collections are about medicine (2.3 % without that pair). At 0.30 it is 0.1 % and 16.7 %, at 0.40
/// 1.6 % and 5.5 %; each collection and pair counts the same.
package enum Relevance {
  static let minimumOfBest = 0.35
  static let minimumCosine = 0.2

  /// The hits to show, in order; none when nothing answers the question.
  package static func passing(_ hits: [SearchReport.Hit], question: String) -> [SearchReport.Hit] {
    let telling = QueryTerms(Courtesy.removed(from: question)).telling
    func holdsEveryWord(_ hit: SearchReport.Hit) -> Bool {
      guard hit.lexicalRank != nil, !telling.isEmpty else { return false }
      return QueryTerms.words(of: hit.path + " " + hit.headings + " " + hit.text)
        .isSuperset(of: telling)
    }
    let kept = hits.filter { hit in
      guard let cosine = hit.cosine else { return hit.lexicalRank != nil }
      return cosine >= minimumCosine || holdsEveryWord(hit)
    }
    let answers = kept.contains { hit in
      guard let cosine = hit.cosine else { return true }
      return cosine >= minimumOfBest || holdsEveryWord(hit)
    }
    return answers ? kept : []
  }
}
