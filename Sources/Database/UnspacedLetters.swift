/// What a character is to a script that is written without spaces between words: Han, kana and Bopomofo,
/// Thai, Lao, Khmer and Burmese; and Hangul, whose words carry their particles with them.
///
/// A unit is what a word of such a script is made of: a character of Han, kana or Hangul; elsewhere a
/// consonant with the vowels and signs around it, which nobody would cut (Theeramunkong et al.,
/// "Character Cluster Based Thai Information Retrieval", IRAL 2000). Ranges are Unicode's blocks
/// (https://unicode.org/charts/), categories Swift's.
package enum UnspacedLetter: Sendable, Equatable {
  /// Not of these scripts.
  case other
  /// Begins a unit.
  case letter
  /// Belongs to the unit before it: a vowel sign, a tone, an accent.
  case mark
  /// Begins a unit and takes the letter behind it along: a Thai vowel that is written first.
  case leading
  /// Belongs to the unit before it and takes the letter behind it along: what stacks consonants.
  case stacking
  /// Seen by nobody: zero-width spaces and joiners, selectors of a glyph.
  case invisible
  /// A full-width or half-width form: another character, in another dress.
  case form

  package init(_ scalar: Unicode.Scalar) {
    switch scalar.value {
    case 0..<0xe00: self = .other
    case 0xe00..<0xf00, 0x1000..<0x10a0, 0x1780..<0x1800, 0xa9e0..<0xaa00, 0xaa60..<0xaa80:
      self = Self.ofSoutheastAsia(scalar)
    case 0x1100..<0x1200: self = .letter
    case 0x200b...0x200d, 0x2060: self = .invisible
    case 0x3005...0x3007, 0x3041...0x3096, 0x309d...0x309f, 0x30a1...0x30fa, 0x30fc...0x30ff,
      0x3105...0x312f, 0x3131...0x318e, 0x31a0...0x31bf, 0x31f0...0x31ff, 0x3400...0x4dbf,
      0x4e00...0x9fff, 0xac00...0xd7a3, 0xf900...0xfad9, 0x1b000...0x1b16f, 0x20000...0x3fffd:
      self = .letter
    case 0x3099, 0x309a: self = .mark
    case 0xfe00...0xfe0f, 0xe0100...0xe01ef: self = .invisible
    case 0xff10...0xff19, 0xff21...0xff3a, 0xff41...0xff5a, 0xff66...0xff9f: self = .form
    default: self = .other
    }
  }

  /// Of a character in its usual form.
  package static func kind(_ scalar: Unicode.Scalar) -> UnspacedLetter {
    let kind = UnspacedLetter(scalar)
    return kind == .form ? UnspacedLetter(UnspacedForm.usual(scalar)) : kind
  }

  private static func ofSoutheastAsia(_ scalar: Unicode.Scalar) -> Self {
    switch scalar.value {
    // Thai and Lao blocks are laid out alike.
    case 0xe40...0xe44, 0xec0...0xec4: return .leading
    case 0xe30, 0xe32, 0xe33, 0xe45, 0xeb0, 0xeb2, 0xeb3, 0xebd: return .mark
    case 0x1039, 0x17d2: return .stacking
    default: break
    }
    switch scalar.properties.generalCategory {
    case .otherLetter, .modifierLetter: return .letter
    case .nonspacingMark, .spacingMark, .enclosingMark: return .mark
    default: return .other
    }
  }

  /// Whether lines of the script are broken between any two letters, so that a line feed in a text is no
  /// end of a word. Not so in Korean, and with spaces Thai, Lao, Khmer and Burmese end at words at least.
  package static func breaksAnywhere(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x3005...0x3007, 0x3041...0x30ff, 0x3105...0x312f, 0x31a0...0x31bf, 0x31f0...0x31ff,
      0x3400...0x9fff, 0xf900...0xfad9, 0xff66...0xff9f, 0x20000...0x3fffd:
      return true
    default: return false
    }
  }
}

/// Finds texts with letters of scripts that are written without spaces, or with full-width forms.
package enum UnspacedText {
  /// Whether a text has such letters. Texts in Latin, Greek, Cyrillic, Arabic and Hebrew letters are
  /// passed over byte by byte: typographic quotes and dashes do not hold it up.
  /// - Parameter utf8: any bytes.
  package static func isPresent(in utf8: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let bytes = utf8.baseAddress else { return false }
    var index = 0
    while index < utf8.count {
      let byte = bytes[index]
      // E2 begins punctuation and symbols only.
      if byte < 0xe0 || byte == 0xe2 {
        index += 1
        continue
      }
      guard let (scalar, length) = UTF8Scalar.read(utf8, at: index) else {
        index += 1
        continue
      }
      switch UnspacedLetter(scalar) {
      case .other, .invisible: index += length
      default: return true
      }
    }
    return false
  }

  package static func isPresent(in text: String) -> Bool {
    var text = text
    return text.withUTF8 { isPresent(in: $0) }
  }
}

/// Reads one character of UTF-8.
enum UTF8Scalar {
  /// The character that begins at `index`, and its bytes; nil where none does.
  @inline(__always)
  static func read(
    _ utf8: UnsafeBufferPointer<UInt8>, at index: Int
  ) -> (scalar: Unicode.Scalar, length: Int)? {
    let first = UInt32(utf8[index])
    if first < 0x80 { return (Unicode.Scalar(UInt8(first)), 1) }
    func tail(_ offset: Int) -> UInt32? {
      guard index + offset < utf8.count, utf8[index + offset] & 0xc0 == 0x80 else { return nil }
      return UInt32(utf8[index + offset] & 0x3f)
    }
    if first >= 0xe0, first < 0xf0, let a = tail(1), let b = tail(2),
      let scalar = Unicode.Scalar((first & 0x0f) << 12 | a << 6 | b)
    {
      return (scalar, 3)
    }
    if first >= 0xc2, first < 0xe0, let a = tail(1),
      let scalar = Unicode.Scalar((first & 0x1f) << 6 | a)
    {
      return (scalar, 2)
    }
    if first >= 0xf0, first < 0xf5, let a = tail(1), let b = tail(2), let c = tail(3),
      let scalar = Unicode.Scalar((first & 0x07) << 18 | a << 12 | b << 6 | c)
    {
      return (scalar, 4)
    }
    return nil
  }
}
