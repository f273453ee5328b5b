/// The scanners behind `PreTokenizer.Stage`: each gives the end of the word that begins at a
/// position, in bytes, or the position itself where the stage matches nothing there.
extension ClassifiedText {
  private static var letter: UInt8 { UnicodeClass.letter }
  private static var number: UInt8 { UnicodeClass.number }
  private static var space: UInt8 { UnicodeClass.space }
  private static var textual: UInt8 {
    UnicodeClass.letter | UnicodeClass.number | UnicodeClass.space
  }

  @inline(__always)
  func gpt2(_ start: Int, _ end: Int) -> Int {
    let first = unit(start, end)
    if first.scalar == 0x27 {
      let length = contraction(start, end, anyCase: false)
      if length > 0 { return start + length }
    }
    var kind = first.kind
    var from = start + first.length
    if first.scalar == 0x20, from < end {
      let second = unit(from, end)
      if second.kind & Self.space == 0 {
        kind = second.kind
        from += second.length
      }
    }
    if kind & Self.letter != 0 { return run(from, end, of: Self.letter) }
    if kind & Self.number != 0 { return run(from, end, of: Self.number) }
    if kind & Self.space == 0 { return run(from, end, without: Self.textual) }
    return blank(start, end, newlines: false)
  }

  @inline(__always)
  func word(_ start: Int, _ end: Int, _ rules: PreTokenizer.WordRules) -> Int {
    let letter = rules.marksAreLetters ? Self.letter | UnicodeClass.mark : Self.letter
    let first = unit(start, end)
    if first.scalar == 0x27, rules.contractions {
      let length = contraction(start, end, anyCase: true)
      if length > 0 { return start + length }
    }
    let second = start + first.length
    if first.kind & letter != 0 { return run(second, end, of: letter) }
    if first.kind & Self.number == 0, !first.isNewline, second < end {
      let unit = unit(second, end)
      if unit.kind & letter != 0 { return run(second + unit.length, end, of: letter) }
    }
    if first.kind & Self.number != 0 { return numbers(start, end, rules.digits) }
    return symbolsOrBlank(start, end, first, rules, textual: Self.textual | letter)
  }

  /// ` ?[^\s\p{L}\p{N}]+[\r\n/]*`, else white space.
  @inline(__always)
  private func symbolsOrBlank(
    _ start: Int, _ end: Int, _ first: Unit, _ rules: PreTokenizer.WordRules, textual: UInt8
  ) -> Int {
    var from = start
    if first.scalar == 0x20, start + 1 < end, unit(start + 1, end).kind & textual == 0 {
      from = start + 1
    } else if first.kind & textual != 0 {
      return blank(start, end, newlines: true)
    }
    var stop = run(from, end, without: textual)
    if rules.newlinesAfterSymbols {
      while stop < end,
        base[stop] == 10 || base[stop] == 13 || (rules.slashesAfterSymbols && base[stop] == 0x2F)
      {
        stop &+= 1
      }
    }
    return stop
  }

  /// `\s*[\r\n]+` (when `newlines`), `\s+(?!\S)`, `\s+`.
  private func blank(_ start: Int, _ end: Int, newlines: Bool) -> Int {
    var position = start
    var last = start
    var afterNewline = start
    while position < end {
      let unit = unit(position, end)
      if unit.kind & Self.space == 0 { break }
      last = position
      position &+= unit.length
      if unit.isNewline { afterNewline = position }
    }
    if newlines, afterNewline > start { return afterNewline }
    return position == end || last == start ? position : last
  }

  /// The length of `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` or `'d` at an apostrophe, or 0. In any
  /// case, U+017F is an s too, as Unicode folds it.
  @inline(__always)
  private func contraction(_ start: Int, _ end: Int, anyCase: Bool) -> Int {
    guard start + 1 < end else { return 0 }
    let fold: UInt8 = anyCase ? 0x20 : 0
    let second = base[start + 1] | fold
    switch second {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return 2
    case 0xC5 | fold:
      return anyCase && start + 2 < end && base[start + 1] == 0xC5 && base[start + 2] == 0xBF
        ? 3 : 0
    default: break
    }
    guard start + 2 < end else { return 0 }
    switch (second, base[start + 2] | fold) {
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return 3
    default: return 0
    }
  }

  @inline(__always)
  func numbers(_ start: Int, _ end: Int, _ most: Int) -> Int {
    var position = start
    var count = 0
    while position < end, count < most {
      let unit = unit(position, end)
      if unit.kind & Self.number == 0 { break }
      position &+= unit.length
      count &+= 1
    }
    return position
  }

  @inline(__always)
  func caseWord(_ start: Int, _ end: Int, _ rules: PreTokenizer.WordRules) -> Int {
    let first = unit(start, end)
    let second = start + first.length
    var stop = start
    if first.kind & Self.letter != 0 {
      let (falling, rising) = caseRun(start, end)
      stop = falling > start ? falling : rising
    } else if first.kind & Self.number != 0 {
      return numbers(start, end, rules.digits)
    } else if !first.isNewline, second <= end {
      let (falling, rising) = caseRun(second, end)
      if falling > second {
        stop = falling
      } else if first.kind & UnicodeClass.mark != 0 {
        stop = caseRun(start, end).falling
      } else if rising > second {
        stop = rising
      }
    }
    if stop > start {
      if rules.contractions, stop < end, base[stop] == 0x27 {
        stop += contraction(stop, end, anyCase: true)
      }
      return stop
    }
    return symbolsOrBlank(start, end, first, rules, textual: Self.textual)
  }

  /// With U = Lu Lt Lm Lo M and V = Ll Lm Lo M: where `U*V+` ends, or `start` when it does not
  /// match, and where `U+` ends.
  @inline(__always)
  private func caseRun(_ start: Int, _ end: Int) -> (falling: Int, rising: Int) {
    let both = UnicodeClass.otherLetter | UnicodeClass.mark
    var position = start
    var afterBoth = start
    while position < end {
      let unit = unit(position, end)
      if unit.kind & (both | UnicodeClass.upper) == 0 {
        if unit.kind & UnicodeClass.lower != 0 {
          let stop = run(position + unit.length, end, of: both | UnicodeClass.lower)
          return (stop, position)
        }
        break
      }
      position &+= unit.length
      if unit.kind & both != 0 { afterBoth = position }
    }
    return (afterBoth, position)
  }

  func deepSeekWord(_ start: Int, _ end: Int) -> Int {
    let letter = Self.letter | UnicodeClass.mark
    let marking = UnicodeClass.punctuation | UnicodeClass.symbol
    let first = unit(start, end)
    let second = start + first.length
    if first.scalar < 0x80, first.kind & marking != 0, second < end, isASCIILetter(base[second]) {
      var stop = second + 1
      while stop < end, isASCIILetter(base[stop]) { stop += 1 }
      return stop
    }
    // A mark may be the optional scalar in front, or the first of the run: the end is the same.
    if first.kind & letter != 0 { return run(second, end, of: letter) }
    if first.kind & marking == 0, !first.isNewline, second < end {
      let stop = run(second, end, of: letter)
      if stop > second { return stop }
    }
    var from = start
    if first.scalar == 0x20, second < end, unit(second, end).kind & marking != 0 { from = second }
    var stop = run(from, end, of: marking)
    if stop > from {
      while stop < end, base[stop] == 10 || base[stop] == 13 { stop += 1 }
      return stop
    }
    return first.kind & Self.space == 0 ? start : blank(start, end, newlines: true)
  }

  private func isASCIILetter(_ byte: UInt8) -> Bool {
    (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z")
  }

  /// `\s?` and a run of these kinds.
  func spaced(_ start: Int, _ end: Int, _ kinds: UInt8) -> Int {
    let first = unit(start, end)
    if first.kind & kinds != 0 { return run(start, end, of: kinds) }
    guard first.kind & Self.space != 0 else { return start }
    let from = start + first.length
    let stop = run(from, end, of: kinds)
    return stop > from ? stop : start
  }

  func run(_ start: Int, _ end: Int, in ranges: [ClosedRange<UInt32>]) -> Int {
    var position = start
    while position < end {
      let unit = unit(position, end)
      guard ranges.contains(where: { $0.contains(unit.scalar) }) else { break }
      position += unit.length
    }
    return position
  }

  func bloom(_ start: Int, _ end: Int) -> Int {
    var from = start
    if base[start] == 0x20 { from = start + 1 }
    var position = from
    while position < end {
      let unit = unit(position, end)
      if unit.kind & Self.space != 0 || Self.bloomStops.contains(unit.scalar) { break }
      position += unit.length
    }
    return position > from ? position : start
  }

  /// `(|.,!?…。，、।۔،)`
  private static let bloomStops: [UInt32] = [
    0x28, 0x7C, 0x2E, 0x2C, 0x21, 0x3F, 0x2026, 0x3002, 0xFF0C, 0x3001, 0x964, 0x6D4, 0x60C, 0x29,
  ]
}
