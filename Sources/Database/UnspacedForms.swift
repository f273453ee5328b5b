/// Writes characters in the one form that texts and questions are compared in.
///
/// What Unicode's NFKC does (https://unicode.org/reports/tr15/), as far as keyboards and file systems make
/// it matter: full-width Latin letters and digits, half-width katakana, kana with a voicing mark of its own
/// and Hangul in parts, as macOS writes file names.
enum UnspacedForm {
  /// The ASCII letter or digit of a full-width one, the katakana of a half-width one; a half-width voicing
  /// mark becomes the one that combines.
  static func usual(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    switch scalar.value {
    case 0xff01...0xff5e: return Unicode.Scalar(UInt8(scalar.value - 0xfee0))
    case 0xff66...0xff9d: return katakana[Int(scalar.value - 0xff66)]
    case 0xff9e: return "\u{3099}"
    case 0xff9f: return "\u{309a}"
    default: return scalar
    }
  }

  /// Of U+FF66 to U+FF9D.
  private static let katakana: [Unicode.Scalar] = Array(
    "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン"
      .unicodeScalars)

  /// The one character of two, where there is one: a kana and its voicing mark, parts of a syllable of
  /// Hangul (The Unicode Standard, 3.12).
  static func composed(_ first: Unicode.Scalar, _ second: Unicode.Scalar) -> Unicode.Scalar? {
    switch second.value {
    case 0x3099, 0x309a: return voiced(first, isHalf: second.value == 0x309a)
    case 0x1161...0x1175:
      guard case 0x1100...0x1112 = first.value else { return nil }
      return Unicode.Scalar(
        0xac00 + ((first.value - 0x1100) * 21 + second.value - 0x1161) * 28)
    case 0x11a8...0x11c2:
      guard case 0xac00...0xd7a3 = first.value, (first.value - 0xac00) % 28 == 0 else { return nil }
      return Unicode.Scalar(first.value + second.value - 0x11a7)
    default: return nil
    }
  }

  private static func voiced(_ kana: Unicode.Scalar, isHalf: Bool) -> Unicode.Scalar? {
    // Katakana lie 0x60 behind hiragana.
    let isKatakana = kana.value >= 0x30a1
    let place = kana.value - (isKatakana && kana.value >= 0x60 ? 0x60 : 0)
    switch place {
    case 0x306f, 0x3072, 0x3075, 0x3078, 0x307b:
      return Unicode.Scalar(kana.value + (isHalf ? 2 : 1))
    case _ where isHalf: return nil
    case 0x304b, 0x304d, 0x304f, 0x3051, 0x3053, 0x3055, 0x3057, 0x3059, 0x305b, 0x305d, 0x305f,
      0x3061, 0x3064, 0x3066, 0x3068, 0x309d:
      return Unicode.Scalar(kana.value + 1)
    case 0x3046: return isKatakana ? "ヴ" : "ゔ"
    case 0x308f...0x3092: return isKatakana ? Unicode.Scalar(kana.value + 8) : nil
    default: return nil
    }
  }
}
