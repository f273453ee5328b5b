/// How many terminal columns text takes. Terminals place scalars, people see grapheme clusters;
/// this file is the one place where the two are reconciled.
///
/// Zero columns: nonspacing and enclosing marks (Mn, Me), format characters (Cf), Hangul vowels and
/// finals that join a syllable. Two columns: `WideRanges`, emoji by presentation or by U+FE0F, flags,
/// emoji joined by U+200D. One column: everything else that is not a control character.
package enum DisplayWidth {
  /// Columns of one scalar by itself; control characters give 0.
  package static func of(_ scalar: Unicode.Scalar) -> Int {
    let value = scalar.value
    if value < 0x7F { return value < 0x20 ? 0 : 1 }
    if value < 0xA0 { return 0 }
    if value < 0x300 { return value == 0xAD ? 0 : 1 }
    if (0x1160...0x11FF).contains(value) || (0xD7B0...0xD7FF).contains(value) { return 0 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .lineSeparator, .paragraphSeparator, .control,
      .surrogate:
      return 0
    default:
      return WideRanges.contains(value) ? 2 : 1
    }
  }

  /// Columns of one grapheme cluster.
  package static func of(_ character: Character) -> Int {
    let scalars = character.unicodeScalars
    guard let first = scalars.first else { return 0 }
    if scalars.index(after: scalars.startIndex) == scalars.endIndex { return of(first) }
    var sum = 0
    var isEmoji = false
    for scalar in scalars {
      switch scalar.value {
      case 0xFE0F, 0x1F3FB...0x1F3FF, 0x1F1E6...0x1F1FF: isEmoji = true
      case 0x200D: if WideRanges.contains(first.value) { isEmoji = true }
      default: break
      }
      sum += of(scalar)
    }
    return isEmoji && sum > 0 ? 2 : sum
  }

  /// Columns of text on one line: the sum over its grapheme clusters.
  package static func of(_ text: some StringProtocol) -> Int {
    var isPlain = true
    var count = 0
    for byte in text.utf8 {
      if byte < 0x20 || byte > 0x7E {
        isPlain = false
        break
      }
      count += 1
    }
    if isPlain { return count }
    return text.reduce(0) { $0 + of($1) }
  }

  /// The longest beginning of `text` that fits in `columns`, with `…` in place of what was cut.
  package static func truncate(_ text: String, to columns: Int) -> String {
    if of(text) <= columns { return text }
    guard columns > 0 else { return "" }
    var result = ""
    var used = 0
    for character in text {
      let width = of(character)
      if used + width > columns - 1 { break }
      result.append(character)
      used += width
    }
    return result + "…"
  }

  /// `text` followed by as many spaces as make it `columns` wide.
  package static func pad(_ text: String, to columns: Int) -> String {
    text + String(repeating: " ", count: max(0, columns - of(text)))
  }
}
