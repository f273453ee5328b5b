/// Matches a path against a `.gitignore` glob, byte by byte as git does.
///
/// `*` any run of bytes, `?` one byte, `[…]` a set (ranges, `!` or `^` to negate, `[:class:]`), `\`
/// takes the next byte literally. With `pathMode` none of them crosses a `/`, except `**` standing
/// between slashes or at an end, which spans any number of folders.
///
/// Source: gitignore(5), "PATTERN FORMAT"; checked against `git check-ignore` in the tests.
/// Work is bounded by pattern length × text length: each pair is tried once.
package struct GlobMatcher {
  private let pattern: ArraySlice<UInt8>
  private let text: ArraySlice<UInt8>
  private let pathMode: Bool
  /// Pairs (pattern offset, text offset) after a star known not to match. Made on the first star.
  private var dead: [Bool] = []

  package static func matches(
    _ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>, pathMode: Bool
  ) -> Bool {
    var matcher = GlobMatcher(pattern: pattern, text: text, pathMode: pathMode)
    return matcher.match(pattern.startIndex, text.startIndex)
  }

  private init(pattern: ArraySlice<UInt8>, text: ArraySlice<UInt8>, pathMode: Bool) {
    self.pattern = pattern
    self.text = text
    self.pathMode = pathMode
  }

  private mutating func match(_ patternStart: Int, _ textStart: Int) -> Bool {
    var p = patternStart
    var t = textStart
    while p < pattern.endIndex {
      let byte = pattern[p]
      if byte == UInt8(ascii: "*") { return matchStar(p, t) }
      guard t < text.endIndex else { return false }
      switch byte {
      case UInt8(ascii: "?"):
        if pathMode && text[t] == slash { return false }
        p += 1
      case UInt8(ascii: "["):
        guard let end = matchSet(p, text[t]) else { return false }
        p = end
      case UInt8(ascii: "\\"):
        // A lone backslash at the end matches nothing.
        guard p + 1 < pattern.endIndex, pattern[p + 1] == text[t] else { return false }
        p += 2
      default:
        guard byte == text[t] else { return false }
        p += 1
      }
      t += 1
    }
    return t == text.endIndex
  }

  private mutating func matchStar(_ star: Int, _ textStart: Int) -> Bool {
    var p = star
    while p < pattern.endIndex && pattern[p] == UInt8(ascii: "*") { p += 1 }
    var crosses = !pathMode
    if pathMode && p - star >= 2 {
      let opens = star == pattern.startIndex || pattern[star - 1] == slash
      let closes =
        p == pattern.endIndex || pattern[p] == slash
        || (pattern[p] == UInt8(ascii: "\\") && p + 1 < pattern.endIndex
          && pattern[p + 1] == slash)
      crosses = opens && closes
    }
    if p == pattern.endIndex { return crosses || !text[textStart...].contains(slash) }
    if dead.isEmpty {
      dead = .init(repeating: false, count: (pattern.count + 1) * (text.count + 1))
    }
    let row = (p - pattern.startIndex) * (text.count + 1) - text.startIndex
    if dead[row + textStart] { return false }
    // "a/**/b" also matches "a/b": the stars and one slash stand for nothing.
    if crosses, pattern[p] == slash, match(p + 1, textStart) { return true }
    var t = textStart
    while t <= text.endIndex {
      // Whoever tried this tried all that follows.
      if dead[row + t] { return false }
      if match(p, t) { return true }
      dead[row + t] = true
      if t < text.endIndex && !crosses && text[t] == slash { return false }
      t += 1
    }
    return false
  }

  /// The index after the set's `]` when `byte` is in the set at `open`; nil when not, or unclosed.
  private func matchSet(_ open: Int, _ byte: UInt8) -> Int? {
    var p = open + 1
    var negated = false
    if p < pattern.endIndex, pattern[p] == UInt8(ascii: "!") || pattern[p] == UInt8(ascii: "^") {
      negated = true
      p += 1
    }
    var found = false
    var first = true
    var previous: UInt8 = 0
    while p < pattern.endIndex, first || pattern[p] != UInt8(ascii: "]") {
      first = false
      var low = pattern[p]
      if low == UInt8(ascii: "["), p + 1 < pattern.endIndex, pattern[p + 1] == UInt8(ascii: ":") {
        if let end = classEnd(p + 2) {
          guard let member = Self.isMember(byte, of: pattern[(p + 2)..<end]) else { return nil }
          if member { found = true }
          previous = 0
          p = end + 2
          continue
        }
      } else if low == UInt8(ascii: "-"), previous != 0, p + 1 < pattern.endIndex,
        pattern[p + 1] != UInt8(ascii: "]")
      {
        p += 1
        var high = pattern[p]
        if high == UInt8(ascii: "\\") {
          p += 1
          guard p < pattern.endIndex else { return nil }
          high = pattern[p]
        }
        if byte >= previous && byte <= high { found = true }
        previous = 0
        p += 1
        continue
      } else if low == UInt8(ascii: "\\") {
        p += 1
        guard p < pattern.endIndex else { return nil }
        low = pattern[p]
      }
      if low == byte { found = true }
      previous = low
      p += 1
    }
    guard p < pattern.endIndex else { return nil }
    if found == negated || (pathMode && byte == slash) { return nil }
    return p + 1
  }

  /// The index of ":]" when a class name begins at `start`; nil when this is no class.
  private func classEnd(_ start: Int) -> Int? {
    var p = start
    while p < pattern.endIndex, pattern[p] != UInt8(ascii: "]") { p += 1 }
    guard p < pattern.endIndex, p > start, pattern[p - 1] == UInt8(ascii: ":") else { return nil }
    return p - 1
  }

  /// Whether `byte` is in a POSIX class; nil for a name that is none.
  private static func isMember(_ byte: UInt8, of name: ArraySlice<UInt8>) -> Bool? {
    let isUpper = byte >= 65 && byte <= 90
    let isLower = byte >= 97 && byte <= 122
    let isDigit = byte >= 48 && byte <= 57
    switch String(decoding: name, as: UTF8.self) {
    case "alnum": return isUpper || isLower || isDigit
    case "alpha": return isUpper || isLower
    case "blank": return byte == 32 || byte == 9
    case "cntrl": return byte < 32 || byte == 127
    case "digit": return isDigit
    case "graph": return byte > 32 && byte < 127
    case "lower": return isLower
    case "print": return byte >= 32 && byte < 127
    case "punct": return byte > 32 && byte < 127 && !(isUpper || isLower || isDigit)
    case "space": return byte == 32 || (byte >= 9 && byte <= 13)
    case "upper": return isUpper
    case "xdigit": return isDigit || (byte >= 65 && byte <= 70) || (byte >= 97 && byte <= 102)
    default: return nil
    }
  }
}

let slash = UInt8(ascii: "/")
