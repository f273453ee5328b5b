/// Cuts text into sentences for citation checks. Pure, linear time.
///
/// A sentence ends at `.`, `!`, `?` or their CJK forms before white space or the end (closing quotes
/// and brackets stay with it), at a blank line, and before a list item. Citation marks such as
/// `[1]` that follow the full stop belong to the sentence before them.
package enum SentenceSplitter {
  package static func sentences(_ text: String) -> [Range<String.Index>] {
    var result: [Range<String.Index>] = []
    var start = text.startIndex
    var index = text.startIndex

    func close(at end: String.Index) {
      if text[start..<end].contains(where: { !$0.isWhitespace }) { result.append(start..<end) }
      start = end
    }

    while index < text.endIndex {
      let character = text[index]
      let next = text.index(after: index)
      if character.isNewline {
        // A line break ends the sentence when a blank line or a list item follows.
        let rest = text[next...].drop { $0 == " " || $0 == "\t" }
        if rest.first?.isNewline == true || rest.first.map(isBullet) == true { close(at: next) }
        index = next
        continue
      }
      guard isTerminator(character) else {
        index = next
        continue
      }
      var end = next
      while end < text.endIndex, isTerminator(text[end]) || isCloser(text[end]) {
        end = text.index(after: end)
      }
      let full = "。！？｡".contains(character)
      guard full || end == text.endIndex || text[end].isWhitespace || text[end] == "[" else {
        index = end
        continue
      }
      end = skipMarks(text, from: end)
      close(at: end)
      index = end
    }
    close(at: text.endIndex)
    return result
  }

  private static func isTerminator(_ c: Character) -> Bool { ".!?。！？｡".contains(c) }
  private static func isCloser(_ c: Character) -> Bool { "\"')”’»」』）】》".contains(c) }
  private static func isBullet(_ c: Character) -> Bool { "-*•".contains(c) }

  /// Past any ` [12]` marks at `index`.
  private static func skipMarks(_ text: String, from index: String.Index) -> String.Index {
    var end = index
    while true {
      var probe = end
      while probe < text.endIndex, text[probe] == " " { probe = text.index(after: probe) }
      guard let mark = CitationMark.read(text, at: probe) else { return end }
      end = mark.range.upperBound
    }
  }
}
