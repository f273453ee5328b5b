/// Cuts a text by the scanners of the stages.
extension PreTokenizer {
  /// Calls `word` with the byte range of each word, in order; together they are the whole text.
  @inline(__always)
  func forEachWord(
    _ bytes: UnsafeBufferPointer<UInt8>, _ word: (_ start: Int, _ end: Int) -> Void
  ) {
    guard let base = bytes.baseAddress else { return }
    let text = ClassifiedText(base)
    switch stages.count {
    case 0: word(0, bytes.count)
    case 1: Self.cut(text, 0, bytes.count, stages[0], word)
    default: cut(text, 0, bytes.count, from: 0, word)
    }
  }

  private func cut(
    _ text: ClassifiedText, _ start: Int, _ end: Int, from stage: Int,
    _ word: (Int, Int) -> Void
  ) {
    if stage + 1 == stages.count {
      Self.cut(text, start, end, stages[stage], word)
    } else {
      Self.cut(text, start, end, stages[stage]) { cut(text, $0, $1, from: stage + 1, word) }
    }
  }

  @inline(__always)
  private static func cut(
    _ text: ClassifiedText, _ start: Int, _ end: Int, _ stage: Stage, _ word: (Int, Int) -> Void
  ) {
    switch stage {
    case .gpt2: cut(start, end, word, text) { text.gpt2($0, end) }
    case .words(let rules): cut(start, end, word, text) { text.word($0, end, rules) }
    case .caseWords(let rules): cut(start, end, word, text) { text.caseWord($0, end, rules) }
    case .deepSeekWords: cut(start, end, word, text) { text.deepSeekWord($0, end) }
    case .numbers(let most): cut(start, end, word, text) { text.numbers($0, end, most) }
    case .newline:
      cut(start, end, word, text) { text.unit($0, end).isNewline ? $0 + 1 : $0 }
    case .spacedLetters:
      cut(start, end, word, text) { text.spaced($0, end, UnicodeClass.letter) }
    case .spacedPunctuation:
      cut(start, end, word, text) { text.spaced($0, end, UnicodeClass.punctuation) }
    case .ranges(let ranges): cut(start, end, word, text) { text.run($0, end, in: ranges) }
    case .bloom: cut(start, end, word, text) { text.bloom($0, end) }
    }
  }

  @inline(__always)
  private static func cut(
    _ start: Int, _ end: Int, _ word: (Int, Int) -> Void, _ text: ClassifiedText,
    match: (Int) -> Int
  ) {
    var position = start
    var pending = start
    while position < end {
      let next = match(position)
      if next > position {
        if pending < position { word(pending, position) }
        word(position, next)
        position = next
        pending = next
      } else {
        position &+= text.unit(position, end).length
      }
    }
    if pending < end { word(pending, end) }
  }
}
