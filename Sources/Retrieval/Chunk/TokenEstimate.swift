/// Guesses how many WordPiece tokens a text has, 64 bytes at a time.
///
/// Measured against all-MiniLM-L6-v2 on 700-byte pieces of prose, Markdown, Python, C and Swift: the
/// true count is 0.86 to 1.07 times the guess in the median, at most 1.33 times in 99 of 100. Passages
/// cut at 210 by this guess therefore nearly always fit the 254 tokens that the model reads beside its
/// own two.
package enum TokenEstimate {
  /// Letters, digits and symbols count, white space and the later bytes of a character do not: a run of up
  /// to seven letters is one token, a longer one has one for each five; three digits are one, a symbol is
  /// one.
  /// - Parameter utf8: any bytes.
  package static func count(_ utf8: UnsafeRawBufferPointer) -> Int {
    var tokens = 0
    var index = 0
    while index < utf8.count {
      let rest = utf8.count - index
      var masks = ByteMasks(utf8, at: index)
      var taken = min(64, rest)
      if rest > 64 {
        // A run that touches the end of the 64 bytes begins the next ones.
        let open = max((~masks.letters).leadingZeroBitCount, (~masks.digits).leadingZeroBitCount)
        if open == 64 {
          let run = runLength(utf8, from: index)
          tokens += masks.letters != 0 ? (run + 3) / 5 : (run + 2) / 3
          index += run
          continue
        }
        taken = 64 - open
        masks.keep(taken)
      }
      tokens += masks.tokens
      index += taken
    }
    return tokens
  }

  /// Bytes of the run of letters, or of digits, that begins here.
  private static func runLength(_ utf8: UnsafeRawBufferPointer, from start: Int) -> Int {
    var index = start
    while index < utf8.count {
      let masks = ByteMasks(utf8, at: index)
      let run = max((~masks.letters).trailingZeroBitCount, (~masks.digits).trailingZeroBitCount)
      // A run of the other kind does not go on with this one.
      if index > start, isLetter(utf8[index]) != isLetter(utf8[start]) { break }
      index += run
      if run < 64 { break }
    }
    return index - start
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    let lower = byte | 0x20
    return lower >= 0x61 && lower <= 0x7a || byte >= 0xc3 && byte <= 0xc5
  }

  /// What up to 64 bytes are, a bit for each, the first the lowest.
  private struct ByteMasks {
    var letters: UInt64 = 0
    var digits: UInt64 = 0
    var symbols: UInt64 = 0

    @inline(__always)
    init(_ utf8: UnsafeRawBufferPointer, at start: Int) {
      var place = 0
      while place < 64, start + place < utf8.count {
        let rest = utf8.count - start - place
        var bytes: UInt64 = 0
        if rest >= 8 {
          bytes = UInt64(
            littleEndian: utf8.loadUnaligned(fromByteOffset: start + place, as: UInt64.self))
        } else {
          for index in 0..<rest {
            bytes |= UInt64(utf8[start + place + index]) << UInt64(8 * index)
          }
        }
        add(bytes, at: UInt64(place))
        place += 8
      }
    }

    /// Eight bytes at once: the highest bit of each of `bytes`' bytes becomes the answer to a comparison.
    @inline(__always)
    private mutating func add(_ bytes: UInt64, at place: UInt64) {
      let ones: UInt64 = 0x0101_0101_0101_0101
      let high = ones << 7
      let low = bytes & ~high
      // For each byte below 128 whether it is at least `bound`: the sum does not leave the byte.
      func atLeast(_ value: UInt64, _ bound: UInt64) -> UInt64 { value &+ (128 - bound) &* ones }
      func bits(_ answer: UInt64) -> UInt64 {
        ((answer & high) >> 7 &* 0x0102_0408_1020_4080) >> 56
      }
      let folded = low | ones << 5
      let ascii = atLeast(folded, 0x61) & ~atLeast(folded, 0x7b) & ~bytes
      // First bytes of the accented letters of Latin scripts.
      let accented = atLeast(low, 0x43) & ~atLeast(low, 0x46) & bytes
      let digit = atLeast(low, 0x30) & ~atLeast(low, 0x3a) & ~bytes
      let printed = atLeast(low, 33) & ~atLeast(low, 127) & ~bytes
      let leading = atLeast(low, 0x40) & bytes
      letters |= bits(ascii | accented) << place
      digits |= bits(digit) << place
      symbols |= bits((printed | leading) & ~ascii & ~accented & ~digit) << place
    }

    /// Forgets all but the first bytes, 1 to 64.
    mutating func keep(_ count: Int) {
      let kept = UInt64.max >> UInt64(64 - count)
      letters &= kept
      digits &= kept
      symbols &= kept
    }

    var tokens: Int {
      var tokens = symbols.nonzeroBitCount
      tokens += (letters & ~(letters << 1)).nonzeroBitCount
      tokens += (digits & ~(digits << 1)).nonzeroBitCount
      // Where eight letters, or four digits, begin: longer runs have more than the one token.
      let two = letters & letters >> 1
      let four = two & two >> 2
      Self.forEachRun(of: letters, in: four & four >> 4) { tokens += ($0 + 3) / 5 - 1 }
      let pairs = digits & digits >> 1
      Self.forEachRun(of: digits, in: pairs & pairs >> 2) { tokens += ($0 + 2) / 3 - 1 }
      return tokens
    }

    @inline(__always)
    private static func forEachRun(of mask: UInt64, in starts: UInt64, _ body: (Int) -> Void) {
      var starts = starts
      while starts != 0 {
        let start = starts.trailingZeroBitCount
        let length = (~(mask >> UInt64(start))).trailingZeroBitCount
        body(length)
        let end = start + length
        starts = end < 64 ? starts & (UInt64.max << UInt64(end)) : 0
      }
    }
  }
}
