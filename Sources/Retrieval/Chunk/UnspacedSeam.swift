import Database

/// Where a text without spaces may be cut: behind its full-width marks.
enum UnspacedSeam {
  /// Behind what ends a sentence, and the quotes and brackets closed after it.
  case sentence
  /// Behind what parts clauses.
  case clause

  /// The seam at `index`, whose byte before is not ASCII; nil where none is.
  init?(_ bytes: UnsafeRawBufferPointer, at index: Int) {
    guard let last = Self.mark(before: index, bytes) else { return nil }
    // What closes a quote goes with the sentence in it.
    if index + 3 <= bytes.count, let next = Self.mark(before: index + 3, bytes),
      Self.closing.contains(next) || Self.ends.contains(next)
    {
      return nil
    }
    if Self.clauses.contains(last) {
      self = .clause
      return
    }
    var place = index
    var mark = last
    while Self.closing.contains(mark), place > 3, let before = Self.mark(before: place - 3, bytes) {
      place -= 3
      mark = before
    }
    guard Self.ends.contains(mark) else { return nil }
    self = .sentence
  }

  /// Whether a reader would not mind: a character begins at `index` that does not belong to the one before.
  static func mayCut(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Bool {
    if bytes[index] & 0xc0 == 0x80 { return false }
    guard bytes[index] >= 0xe0 else { return true }
    let next = String(decoding: bytes[index..<min(bytes.count, index + 4)], as: UTF8.self)
    guard let scalar = next.unicodeScalars.first else { return true }
    return UnspacedLetter(scalar) != .mark
  }

  /// The three bytes before `index` as one number.
  private static func mark(before index: Int, _ bytes: UnsafeRawBufferPointer) -> UInt32? {
    guard index >= 3, bytes[index - 3] & 0xf0 == 0xe0 else { return nil }
    return UInt32(bytes[index - 3]) << 16 | UInt32(bytes[index - 2]) << 8 | UInt32(bytes[index - 1])
  }

  private static func marks(_ text: String) -> Set<UInt32> {
    Set(text.map { $0.utf8.reduce(0) { $0 << 8 | UInt32($1) } })
  }

  private static let ends = marks("。！？；｡។၊။")
  private static let clauses = marks("、，：､")
  private static let closing = marks("」』）】》〉｣”’")
}
