/// Marks, while an answer streams, the citations that their source does not bear out: `[2]` becomes
/// `[2?]`, and so does a number that names no source. A sentence with a number in it waits for its
/// end, for only then can it be checked; everything else passes at once. Brackets in code are code.
package struct CitationMarker: Sendable {
  /// The passages that may be cited; `CitationReader` judges.
  package var sources: [Source]
  /// From the beginning of the sentence that is not over yet.
  private var pending = ""
  /// Bytes of `pending` that were given out already: a combining mark may still join the last letter.
  private var shown = 0
  private var isInFence = false
  private var isInCode = false
  /// The current line as far as it tells whether it opens or closes a fence.
  private var lead = ""

  package init(sources: [Source] = []) { self.sources = sources }

  /// The whole text with its marks.
  package static func marked(_ text: String, sources: [Source]) -> String {
    var marker = CitationMarker(sources: sources)
    return marker.feed(text) + marker.finish()
  }

  package mutating func feed(_ piece: String) -> String {
    pending += piece
    return settle(isEnd: false)
  }

  /// Everything held back.
  package mutating func finish() -> String { settle(isEnd: true) }

  private mutating func settle(isEnd: Bool) -> String {
    var output = ""
    let ranges = SentenceSplitter.sentences(pending)
    var complete = ranges.count - (isEnd ? 0 : 1)
    // Marks may still follow the full stop.
    if !isEnd, complete > 0, let last = ranges.last,
      pending[last].allSatisfy({ " [],0123456789".contains($0) })
    {
      complete -= 1
    }
    var start = pending.startIndex
    for range in ranges.prefix(max(0, complete)) {
      let sentence = pending[start..<range.upperBound]
      // What was shown may reach into the blanks before the next sentence.
      let done = min(shown, sentence.utf8.count)
      output += give(Self.after(done, sentence), of: pending[range], isWhole: true)
      shown -= done
      start = range.upperBound
    }
    let rest = pending[start...]
    let given = give(Self.after(shown, rest), of: rest, isWhole: isEnd)
    output += given
    shown += given.utf8.count
    pending = isEnd ? "" : String(rest)
    if isEnd { shown = 0 }
    return output
  }

  private static func after(_ bytes: Int, _ text: Substring) -> Substring {
    text[text.utf8.index(text.startIndex, offsetBy: bytes)...]
  }

  /// As much of `text` as may be shown; of a whole sentence everything, with its marks judged.
  private mutating func give(
    _ text: Substring, of sentence: Substring, isWhole: Bool
  ) -> String {
    var output = ""
    var index = text.startIndex
    while index < text.endIndex {
      let character = text[index]
      if character == "[", !isInFence, !isInCode {
        if let mark = CitationMark.read(text, at: index) {
          guard isWhole else { return output }
          output += judged(mark.numbers, of: sentence)
          index = mark.range.upperBound
          continue
        }
        let tail = text[text.index(after: index)...]
        if !isWhole, tail.allSatisfy({ ", 0123456789".contains($0) }) { return output }
      }
      follow(character)
      output.append(character)
      index = text.index(after: index)
    }
    return output
  }

  private mutating func follow(_ character: Character) {
    if character.isNewline {
      lead = ""
      isInCode = false
    } else if lead.count < 3 {
      if character != " " || !lead.isEmpty { lead.append(character) }
      if lead == "```" {
        isInFence.toggle()
        isInCode = false
        return
      }
    }
    if character == "`", !isInFence { isInCode.toggle() }
  }

  private func judged(_ numbers: [Int], of sentence: Substring) -> String {
    let read = CitationReader.read(String(sentence), sources: sources).citations
    let marks = numbers.map { number in
      let isBorneOut = read.contains { $0.n == number && $0.writtenByModel && $0.supported }
      return isBorneOut ? "\(number)" : "\(number)?"
    }
    return "[" + marks.joined(separator: ", ") + "]"
  }
}
