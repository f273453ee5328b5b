/// Turns a finished answer into checked citations.
package enum CitationReader {
  /// Reads the numbers the model wrote, drops unknown ones, and checks each cited sentence against
  /// its source. Sentences without a number that a source bears out are matched to the best one, so
  /// a model that forgets its numbers still leads back to the documents.
  ///
  /// - Returns: the citations in order of the answer, one for each (sentence, source), and how many
  ///   numbers named no source.
  package static func read(_ answer: String, sources: [Source])
    -> (citations: [Citation], unknown: Int)
  {
    let cited = sources.map { (source: $0, passage: CitedPassage($0.text)) }
    let byNumber = Dictionary(cited.map { ($0.source.n, $0) }) { first, _ in first }
    var citations: [Citation] = []
    var unknown = 0
    for range in SentenceSplitter.sentences(answer) {
      let sentence = answer[range]
      let numbers = CitationMark.all(in: sentence).flatMap(\.numbers)
      if numbers.isEmpty {
        // What only announces ("The types are:") says nothing that a passage could bear out.
        guard sentence.last(where: { !$0.isWhitespace }) != ":" else { continue }
        let best = cited.map {
          ($0.source, CitationCheck.check(claim: sentence, passage: $0.passage))
        }
        .max { $0.1.score < $1.1.score }
        if let (source, verdict) = best, verdict.supported {
          citations.append(Citation(source, verdict, writtenByModel: false))
        }
        continue
      }
      for number in Set(numbers).sorted() {
        guard let (source, passage) = byNumber[number] else {
          unknown += 1
          continue
        }
        let verdict = CitationCheck.check(claim: sentence, passage: passage)
        citations.append(Citation(source, verdict, writtenByModel: true))
      }
    }
    return (citations, unknown)
  }

  /// What the user should be told when the answer is not what the passages say. Empty when at least
  /// one claim could be matched and no written citation failed.
  package static func doubts(about answer: String, citations: [Citation]) -> [String] {
    guard answer.contains(where: { !$0.isWhitespace }) else { return [] }
    let failed = citations.filter { !$0.supported }.count
    if !citations.contains(where: \.supported) {
      return [
        "No sentence of this answer could be matched to a passage: trust the sources, not the answer."
      ]
    }
    guard failed > 0 else { return [] }
    return ["\(failed) cited sentence\(failed == 1 ? " is" : "s are") not borne out by the source."]
  }

  /// The sentence of the sources that says most of what was asked, for answers that cannot be
  /// trusted: `[n] “sentence”`. nil when no sentence has a word of the question.
  package static func nearest(to question: String, in sources: [Source]) -> String? {
    let checked = sources.map {
      ($0.n, CitationCheck.nearest(to: question, in: CitedPassage($0.text)))
    }
    // Of equal ones the best passage's: sources come best first.
    guard let best = checked.max(by: { ($0.1.score, $1.0) < ($1.1.score, $0.0) }),
      best.1.score > 0
    else { return nil }
    let quote = best.1.quote
    return "[\(best.0)] “\(quote.count > 300 ? quote.prefix(300) + "…" : quote[...])”"
  }
}

extension Citation {
  fileprivate init(_ source: Source, _ verdict: CitationCheck.Verdict, writtenByModel: Bool) {
    self.init(
      n: source.n, path: source.path, startLine: source.startLine, endLine: source.endLine,
      startByte: source.startByte, endByte: source.endByte, quote: verdict.quote,
      supported: verdict.supported, score: verdict.score, writtenByModel: writtenByModel)
  }
}
