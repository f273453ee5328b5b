/// Finds the part of a question that asks: without the greeting and the request before it, and without
/// the thanks after it. Pure.
///
/// "Hello, I was wondering if you could please tell me how to sort a list. Thanks in advance!" asks
/// "how to sort a list." What is said to a person is about no document, but its words are rare in most
/// collections and would weigh much in bm25, and they move the question's vector as well.
///
/// Only what is plainly said to someone goes: the words before the first that is about something, if
/// they name who asks or is asked ("I", "me", "anyone") together with what for ("tell", "looking"), or
/// say "please" or "thanks". "Can you give a dog rice", "do I need a visa" stay as they are. English
/// only, as the stop words are. Measured in Index/README.md.
package enum Courtesy {
  /// Words that are said out of politeness.
  private static let polite: Set<String> = words(
    """
    please kindly hello hi hey dear greetings thanks thank sorry pardon wonder wondering wondered
    appreciate grateful
    """)
  /// What a person is asked to do, or says about asking.
  private static let asking: Set<String> = words(
    """
    tell telling show showing give giving explain explaining help helping find describe know let ask
    need want like looking searching trying information question mind
    """)
  /// Who asks or is asked.
  private static let persons: Set<String> = words(
    "i me us anyone anybody someone somebody please kindly thanks thank")
  /// Before "I" these make it part of the question.
  private static let inverting: Set<String> = words(
    """
    do does did should must can could may might will would shall am is are was were have had
    """)
  /// What else may stand between those.
  private static let between: Set<String> = words(
    """
    there good morning afternoon evening sir madam everyone everybody folks following kind able
    possible see get
    """)
  /// Here the question itself begins.
  private static let opening: Set<String> = words(
    "how what when where which who whom whose why")
  /// What thanks are made of, and what of it must be there.
  private static let closing: Set<String> = words(
    """
    please thanks thank cheers appreciated regards you so very much greatly a lot many in advance for
    your help me any kind best time and it is would be
    """)
  private static let thanking: Set<String> = words(
    "please thanks thank cheers appreciated regards")

  private static func words(_ text: String) -> Set<String> {
    Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
  }

  /// The question without them; the same text where there are none, or where no telling word is left.
  package static func removed(from question: String) -> String {
    var found: [(word: String, range: Range<String.Index>)] = []
    QueryTerms.forEachWord(of: question) { found.append(($0, $1)) }
    let head = headCount(question, found)
    let end = tailStart(question, found, after: head)
    if head == 0, end == found.count { return question }
    guard found[head..<end].contains(where: { !StopWords.english.contains($0.word) }) else {
      return question
    }
    let first = head == 0 ? question.startIndex : found[head].range.lowerBound
    guard end < found.count else { return String(question[first...]) }
    // A mark right behind the last word stays: it may be a question's.
    let gap = question[found[end - 1].range.upperBound..<found[end].range.lowerBound]
    let kept =
      question[first..<found[end - 1].range.upperBound] + gap.prefix { "?.!)".contains($0) }
    return String(kept)
  }

  /// How many words stand before the question.
  private static func headCount(
    _ text: String, _ found: [(word: String, range: Range<String.Index>)]
  ) -> Int {
    var person = false
    var asks = false
    var count = 0
    for (word, range) in found {
      // What is quoted is asked for.
      let gap = text[
        (count == 0 ? text.startIndex : found[count - 1].range.upperBound)..<range.lowerBound]
      if opening.contains(word) || gap.contains(where: { "\"“«`".contains($0) }) { break }
      let isPolite = polite.contains(word) || asking.contains(word)
      guard
        isPolite || persons.contains(word) || between.contains(word)
          || StopWords.english.contains(word)
      else { break }
      if isPolite { asks = true }
      if persons.contains(word),
        count == 0 || word != "i" || !inverting.contains(found[count - 1].word)
      {
        person = true
      }
      count += 1
    }
    return person && asks && count < found.count ? count : 0
  }

  /// The place of the first word behind the question.
  private static func tailStart(
    _ text: String, _ found: [(word: String, range: Range<String.Index>)], after head: Int
  ) -> Int {
    var end = found.count
    var thanks = false
    var place = found.count
    while place > head + 1, closing.contains(found[place - 1].word) {
      place -= 1
      if thanking.contains(found[place].word) { thanks = true }
      let gap = text[found[place - 1].range.upperBound..<found[place].range.lowerBound]
      // A sentence or clause of its own: "how to say thank you" asks for those words.
      if thanks, gap.contains(where: { ".?!,;:–—\n".contains($0) }) { end = place }
    }
    if end == found.count, end > head + 1, found[end - 1].word == "please" { end -= 1 }
    return end
  }
}
