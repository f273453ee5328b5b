/// Turns a finished answer into checked citations.
package enum CitationReader {
  /// What was read of an answer.
  package struct Reading {
    /// In order of the answer, one for each (sentence, source).
    package var citations: [Citation] = []
    /// How many numbers named no source.
    package var unknown = 0
    package var check = AnswerCheck()
    /// What an embedder may compare.
    package var agreement = CitationAgreement()
  }

  /// Reads the numbers the model wrote, drops unknown ones, and checks each cited sentence against
  /// its source. Sentences without a number that a source bears out are matched to the best one, so
  /// a model that forgets its numbers still leads back to the documents.
  package static func read(_ answer: String, sources: [Source]) -> Reading {
    let cited = sources.map { (source: $0, passage: CitedPassage($0.text)) }
    let byNumber = Dictionary(cited.map { ($0.source.n, $0) }) { first, _ in first }
    var reading = Reading()
    var isInCode = false
    for range in SentenceSplitter.sentences(answer) {
      let sentence = answer[range]
      let fences = sentence.split(separator: "```", omittingEmptySubsequences: false).count - 1
      let isCode = isInCode || fences > 0
      if fences % 2 == 1 { isInCode.toggle() }
      let numbers = CitationMark.all(in: sentence).flatMap(\.numbers)
      var found: [Citation] = []
      // What each citation was held against; of a sentence without one, the passage that says most of it.
      var evidence: [String] = []
      if numbers.isEmpty {
        // What only announces ("The types are:") says nothing that a passage could bear out.
        guard sentence.last(where: { !$0.isWhitespace }) != ":" else { continue }
        let best = cited.map {
          ($0.source, CitationCheck.check(claim: sentence, passage: $0.passage))
        }
        .max { ($0.1.score, $0.1.coverage) < ($1.1.score, $1.1.coverage) }
        if let (source, verdict) = best {
          if verdict.supported { found.append(Citation(source, verdict, writtenByModel: false)) }
          evidence.append(verdict.evidence.isEmpty ? source.text : verdict.evidence)
        }
      }
      for number in Set(numbers).sorted() {
        guard let (source, passage) = byNumber[number] else {
          reading.unknown += 1
          continue
        }
        let verdict = CitationCheck.check(claim: sentence, passage: passage)
        found.append(Citation(source, verdict, writtenByModel: true))
        evidence.append(verdict.evidence.isEmpty ? source.text : verdict.evidence)
      }
      if !found.isEmpty || (!isCode && isClaim(sentence)) {
        let text = CitationMark.removing(from: sentence)
        for (index, evidence) in evidence.enumerated() {
          reading.agreement.add(
            CitationAgreement.Pair(
              sentence: text, evidence: evidence,
              citation: index < found.count ? reading.citations.count + index : nil,
              claim: reading.check.claims))
        }
        reading.check.count(sentence, citations: found)
      }
      reading.citations += found
    }
    return reading
  }

  /// Whether a sentence says enough that a passage could bear it out: questions and pleasantries
  /// ("I hope this helps.") do not.
  private static func isClaim(_ sentence: Substring) -> Bool {
    let end = sentence.last { !$0.isWhitespace && !"\"')”’»*_".contains($0) }
    guard end != "?", end != "？" else { return false }
    // A general word weighs 1.
    return CitationTokens(CitationMark.removing(from: sentence)).tokens.count { $0.weight > 1 } >= 3
  }

  /// What the user should be told when the answer is not what the passages say. Silent while less
  /// than half of the sentences are without a passage and every citation holds: a summary, a greeting
  /// or a word of advice between matched sentences is no reason to doubt those.
  package static func doubts(about answer: String, _ reading: Reading) -> [String] {
    guard answer.contains(where: { !$0.isWhitespace }) else { return [] }
    guard reading.citations.contains(where: \.supported) else {
      return [
        "No sentence of this answer could be matched to a passage: trust the sources, not the answer."
      ]
    }
    let (claims, unmatched, miscited) =
      (reading.check.claims, reading.check.unmatched.count, reading.check.miscited)
    guard miscited > 0 || unmatched * 2 >= claims else { return [] }
    guard unmatched > miscited || miscited == 0 else {
      return [
        "\(miscited) cited sentence\(miscited == 1 ? " is" : "s are") not borne out by the source."
      ]
    }
    return [
      "\(unmatched) of \(claims) sentences could not be matched to a passage: trust the sources there."
    ]
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
