import Retrieval

/// Decides which hits are worth showing to a model, and whether any is. Pure.
///
/// The best passage must be like the question (`minimumOfBest`), or hold every telling word of it:
/// an identifier or an error code is like nothing, and found all the same. A greeting or request around
/// the question has no telling words (`Courtesy`). Passages beside the best
/// pass with less.
///
/// Without a likeness (by words only, or where the model cannot read the question) what words found is
/// taken. A question in a script that is written without spaces shares some pair of letters with nearly every
/// text, so there a passage must have a fifth of its telling ones (`minimumShare`): of 118 questions in
/// Chinese, Japanese, Korean and Thai whose passage is there 5 % are refused so, of 1,161 put to documents on
/// other things 65 %; at 0.15 it is 2 % and 52 %, at 0.25 8 % and 79 %.
///
/// `minimumOfBest` was chosen from questions of one test collection put to the documents of another
/// (nothing there answers them) and to its own: at 0.35, of 1,819 questions 0.9 % of those with an
/// answer are refused and 9.6 % of those without are let through, most of them where both
/// collections are about medicine (2.3 % without that pair). At 0.30 it is 0.1 % and 16.7 %, at 0.40
/// 1.6 % and 5.5 %; each collection and pair counts the same.
package enum Relevance {
  static let minimumOfBest = 0.35
  static let minimumCosine = 0.2
  static let minimumShare = 0.2

  /// The hits to show, in order; none when nothing answers the question.
  package static func passing(_ hits: [SearchReport.Hit], question: String) -> [SearchReport.Hit] {
    let terms = QueryTerms(Courtesy.removed(from: question))
    let telling = terms.telling
    /// The part of the telling words that a passage has.
    func share(_ hit: SearchReport.Hit) -> Double {
      guard hit.lexicalRank != nil, !telling.isEmpty else { return 0 }
      let words = QueryTerms.words(of: hit.path + " " + hit.headings + " " + hit.text)
      return Double(telling.count { words.contains($0) }) / Double(telling.count)
    }
    func holdsEveryWord(_ hit: SearchReport.Hit) -> Bool { share(hit) == 1 }
    let isUnspaced = terms.unspacedShare > 0.5
    let kept = hits.filter { hit in
      guard let cosine = hit.cosine else {
        return hit.lexicalRank != nil && (!isUnspaced || share(hit) >= minimumShare)
      }
      return cosine >= minimumCosine || holdsEveryWord(hit)
    }
    let answers = kept.contains { hit in
      guard let cosine = hit.cosine else { return true }
      return cosine >= minimumOfBest || holdsEveryWord(hit)
    }
    return answers ? kept : []
  }
}
