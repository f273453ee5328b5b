import CSQLite

/// Cuts what is written without spaces into overlapping pairs: 数据库 into 数据, 据库 and, in a document, 库.
///
/// Nobody knows where the words are without a dictionary, and pairs of characters find as well as words do
/// for Chinese and Japanese (Nie, Gao, Zhang and Zhou, IRAL 2000) and Korean (Lee and Ahn, SIGIR 1996); it is
/// what Lucene's `CJKBigramFilter` does. Both documents and questions pass through here, so both are cut
/// alike. In a document each unit (`UnspacedLetter`) begins exactly one token, the last of a stretch one of
/// its own: a word of a single unit is therefore found as the beginning of tokens, wherever it stands, and
/// a text has as many tokens as units. A question has the pairs only.
///
/// Used by one thread at a time.
package final class UnspacedCutter {
  /// The units of a stretch, one behind the other, in their usual form.
  private var bytes: [UInt8] = []
  /// For each unit: where it begins in `bytes`, and in the text.
  private var starts: [(place: Int, origin: Int)] = []
  /// The character before, and where it begins in `bytes`.
  private var last: (scalar: Unicode.Scalar, place: Int)?
  /// Whether the next letter belongs to the last unit.
  private var isOpen = false
  /// What lies between stretches, full-width letters in their usual form.
  private var between: [UInt8] = []

  package init() {}

  /// One token: its bytes, lent for the call, where it stands in the text, and of how many units it is.
  package struct Token {
    package let utf8: UnsafeBufferPointer<UInt8>
    package let place: Range<Int>
    package let units: Int
    /// Bytes of the first unit.
    let firstCount: Int
  }

  /// Hands on the tokens of a text in their order, until something else than SQLITE_OK comes back.
  /// - Parameters:
  ///   - utf8: any bytes.
  ///   - isQuery: leaves out the last unit of a stretch, unless it is the only one.
  ///   - other: takes a part of the text between stretches: where it stands, and its bytes, as they are or
  ///     with full-width letters in their usual form.
  ///   - token: takes a token.
  /// - Returns: what was returned last.
  func cut(
    _ utf8: UnsafeBufferPointer<UInt8>, isQuery: Bool,
    other: (Range<Int>, UnsafeBufferPointer<UInt8>) -> Int32, token: (Token) -> Int32
  ) -> Int32 {
    var index = 0
    // Where the part between stretches begins; at `index` within a stretch.
    var start = 0
    var hasForms = false
    clear()

    func passBetween() -> Int32 {
      guard start < index else { return SQLITE_OK }
      let place = start..<index
      let part = UnsafeBufferPointer(rebasing: utf8[place])
      guard hasForms else { return other(place, part) }
      hasForms = false
      fold(part)
      return between.withUnsafeBufferPointer { other(place, $0) }
    }

    while index < utf8.count {
      var (scalar, length) = UTF8Scalar.read(utf8, at: index) ?? ("\u{fffd}", 1)
      var kind = UnspacedLetter(scalar)
      if kind == .form {
        scalar = UnspacedForm.usual(scalar)
        hasForms = hasForms || scalar.isASCII
        kind = UnspacedLetter(scalar)
      }
      if kind == .mark, starts.isEmpty, scalar.properties.generalCategory == .otherLetter {
        kind = .letter
      }
      switch kind {
      case .letter, .leading:
        if starts.isEmpty {
          let status = passBetween()
          if status != SQLITE_OK { return status }
        }
        add(scalar, at: index, isMark: false)
        isOpen = kind == .leading
        index += length
        start = index
      case .mark where !starts.isEmpty, .stacking where !starts.isEmpty:
        add(scalar, at: index, isMark: true)
        isOpen = kind == .stacking
        index += length
        start = index
      case .invisible where !starts.isEmpty:
        index += length
        start = index
      default:
        if !starts.isEmpty {
          if let next = lineGoesOn(utf8, at: index) {
            index = next
            start = next
            continue
          }
          let status = pass(until: index, isQuery: isQuery, token)
          if status != SQLITE_OK { return status }
          start = index
        }
        index += length
      }
    }
    if !starts.isEmpty { return pass(until: index, isQuery: isQuery, token) }
    return passBetween()
  }

  /// Adds a character to the stretch.
  @inline(__always)
  private func add(_ scalar: Unicode.Scalar, at origin: Int, isMark: Bool) {
    if let before = last, let one = UnspacedForm.composed(before.scalar, scalar) {
      bytes.removeSubrange(before.place...)
      last = (one, before.place)
      bytes.append(contentsOf: UTF8.encode(one) ?? .init())
      return
    }
    if !isMark, !isOpen { starts.append((bytes.count, origin)) }
    last = (scalar, bytes.count)
    bytes.append(contentsOf: UTF8.encode(scalar) ?? .init())
  }

  /// Hands on the tokens of the stretch, which ends before `end`.
  private func pass(until end: Int, isQuery: Bool, _ token: (Token) -> Int32) -> Int32 {
    let units = starts.count
    let ends = bytes.count
    let status = bytes.withUnsafeBufferPointer { bytes in
      for index in 0..<(isQuery ? max(1, units - 1) : units) {
        let next = index + 2 < units ? starts[index + 2] : (ends, end)
        let status = token(
          Token(
            utf8: UnsafeBufferPointer(rebasing: bytes[starts[index].place..<next.0]),
            place: starts[index].origin..<next.1, units: min(2, units - index),
            firstCount: (index + 1 < units ? starts[index + 1].place : ends) - starts[index].place))
        if status != SQLITE_OK { return status }
      }
      return SQLITE_OK
    }
    clear()
    return status
  }

  private func clear() {
    bytes.removeAll(keepingCapacity: true)
    starts.removeAll(keepingCapacity: true)
    last = nil
    isOpen = false
  }

  /// Where the stretch goes on behind a line feed and the next line's indentation; nil where it does not.
  private func lineGoesOn(_ utf8: UnsafeBufferPointer<UInt8>, at index: Int) -> Int? {
    guard utf8[index] == 10 || utf8[index] == 13, let last,
      UnspacedLetter.breaksAnywhere(last.scalar)
    else { return nil }
    var next = index
    var lines = 0
    while next < utf8.count, [9, 10, 13, 32].contains(utf8[next]) {
      if utf8[next] == 10 { lines += 1 }
      next += 1
    }
    guard lines == 1, next < utf8.count, let (scalar, _) = UTF8Scalar.read(utf8, at: next),
      UnspacedLetter.breaksAnywhere(scalar)
    else { return nil }
    return next
  }

  private func fold(_ part: UnsafeBufferPointer<UInt8>) {
    between.removeAll(keepingCapacity: true)
    var index = 0
    while index < part.count {
      guard let (scalar, length) = UTF8Scalar.read(part, at: index) else {
        between.append(part[index])
        index += 1
        continue
      }
      let usual = UnspacedForm.usual(scalar)
      if usual.isASCII {
        between.append(UInt8(truncatingIfNeeded: usual.value))
      } else {
        between.append(contentsOf: part[index..<index + length])
      }
      index += length
    }
  }
}

extension UnspacedText {
  /// The tokens of stretches in a text, in their order, each with its number of units.
  /// - Parameter isQuery: as in `UnspacedCutter.cut`.
  package static func tokens(of text: String, isQuery: Bool) -> [Token] {
    var text = text
    var found: [Token] = []
    text.withUTF8 { utf8 in
      _ = UnspacedCutter().cut(utf8, isQuery: isQuery) { _, _ in
        SQLITE_OK
      } token: { token in
        found.append(
          Token(
            text: String(decoding: token.utf8, as: UTF8.self),
            first: String(decoding: token.utf8[..<token.firstCount], as: UTF8.self),
            units: token.units))
        return SQLITE_OK
      }
    }
    return found
  }

  /// One token, and its first unit.
  package struct Token: Sendable, Equatable {
    package let text: String
    package let first: String
    /// One or two.
    package let units: Int
  }

  /// A text with its full-width letters and digits in their usual form.
  package static func folded(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { UnspacedLetter($0) == .form }) else { return text }
    var folded = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      folded.append(UnspacedLetter(scalar) == .form ? UnspacedForm.usual(scalar) : scalar)
    }
    return String(folded)
  }
}
