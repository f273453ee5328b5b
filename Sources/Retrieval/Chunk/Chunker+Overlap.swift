// What passages repeat of the one before.
extension Chunker {
  /// Lets every passage that goes on in the middle of a section begin with the last sentences of the
  /// one before it. Where passages end does not change, so an edit changes one passage more at most.
  func overlapping(_ chunks: [Chunk], _ bytes: UnsafeRawBufferPointer) -> [Chunk] {
    var result = chunks
    for index in chunks.indices.dropFirst() {
      let before = chunks[index - 1]
      let chunk = chunks[index]
      guard chunk.headings == before.headings, chunk.inheritedHeadings == chunk.headings.count
      else { continue }
      let (start, tokens) = repeated(before: chunk.range.lowerBound, in: before.range, bytes)
      guard start < chunk.range.lowerBound else { continue }
      let lines = bytes[start..<chunk.range.lowerBound].count { $0 == 10 }
      result[index].range = start..<chunk.range.upperBound
      result[index].startLine -= lines
      result[index].tokens += tokens
    }
    return result
  }

  /// The earliest sentence or line of `range` from which `overlap` tokens reach to `end`.
  private func repeated(
    before end: Int, in range: Range<Int>, _ bytes: UnsafeRawBufferPointer
  ) -> (start: Int, tokens: Int) {
    var best = (start: end, tokens: 0)
    var index = end - 1
    // A token has less than so many bytes in anything that is made of sentences.
    let floor = max(range.lowerBound + 1, end - overlap * 16)
    while index >= floor {
      let begins =
        isSpace(bytes[index - 1])
        ? !isSpace(bytes[index]) && begins(at: index, bytes)
        : bytes[index - 1] >= 0x80 && UnspacedSeam(bytes, at: index) == .sentence
      if begins {
        let size = countTokens(UnsafeRawBufferPointer(rebasing: bytes[index..<best.start]))
        if best.tokens + size > overlap { break }
        best = (index, best.tokens + size)
      }
      index -= 1
    }
    return best
  }

  /// Whether a line begins at a visible byte behind white space, or a sentence ended before it.
  private func begins(at index: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
    var last = index - 1
    while last >= 0, isSpace(bytes[last]) {
      if bytes[last] == 10 { return true }
      last -= 1
    }
    while last > 0, Self.closes(bytes[last]) { last -= 1 }
    return last >= 0 && Self.endsSentence(bytes[last])
  }

  /// What may stand between a sentence's end and the space after it.
  private static func closes(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: ")"), UInt8(ascii: "]"): true
    default: false
    }
  }

  private static func endsSentence(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "?"), UInt8(ascii: ";"): true
    default: false
    }
  }
}
