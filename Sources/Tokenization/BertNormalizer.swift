/// Cleans a text as BERT does and cuts it into words.
///
/// Controls and format characters vanish, white space separates, ideographs and punctuation are
/// words of their own; uncased, letters lose their case and their nonspacing marks. Scalars that
/// are not valid UTF-8 vanish as U+FFFD does.
struct BertNormalizer: Sendable {
  let uncased: Bool

  /// What becomes of a scalar: the top byte of its entry in the table.
  private enum Action {
    static let keep: UInt32 = 0
    /// It becomes the scalar in the lower bits.
    static let map: UInt32 = 1
    static let remove: UInt32 = 2
    static let space: UInt32 = 3
    static let punctuation: UInt32 = 4
    /// It becomes several scalars: the lower bits say where in `several`.
    static let several: UInt32 = 5
    /// Added to keep or map: a word of its own.
    static let isolate: UInt32 = 8
  }

  /// Calls `word` with each word, normalized, and its length in characters.
  func forEachWord(
    _ text: UnsafeBufferPointer<UInt8>,
    _ word: (_ bytes: UnsafeBufferPointer<UInt8>, _ characters: Int) -> Void
  ) {
    guard let base = text.baseAddress else { return }
    let table = uncased ? Self.uncasedTable : Self.casedTable
    var current: [UInt8] = []
    current.reserveCapacity(64)
    var characters = 0
    func end() {
      if characters > 0 { current.withUnsafeBufferPointer { word($0, characters) } }
      current.removeAll(keepingCapacity: true)
      characters = 0
    }
    func add(_ scalar: UInt32) {
      characters += 1
      // A word too long to be looked up need not be kept.
      if current.count < 1 << 12 { appendScalar(scalar, to: &current) }
    }
    /// A scalar that has its final form: punctuation stands alone.
    func place(_ scalar: UInt32) {
      if Self.entry(scalar, table) >> 24 == Action.punctuation {
        end()
        add(scalar)
        end()
      } else {
        add(scalar)
      }
    }
    var position = 0
    while position < text.count {
      let (scalar, length) = decodeScalar(base + position, text.count - position)
      position += max(1, length)
      if length == 0 { continue }
      let entry = Self.entry(scalar, table)
      let value = entry & 0xFF_FFFF
      switch entry >> 24 {
      case Action.keep:
        if uncased, scalar >= 0xAC00, scalar <= 0xD7A3 {
          Self.decompose(syllable: scalar, add)
        } else {
          add(scalar)
        }
      case Action.map: place(value)
      case Action.remove: break
      case Action.space: end()
      case Action.punctuation:
        end()
        add(scalar)
        end()
      case Action.several:
        let count = BertNormalizationTable.several[Int(value)]
        for index in 1...Int(count) { place(BertNormalizationTable.several[Int(value) + index]) }
      case Action.isolate:
        end()
        add(scalar)
        end()
      default:
        end()
        add(value)
        end()
      }
    }
    end()
  }

  /// Unicode 3.12: a Hangul syllable is two or three conjoining letters.
  private static func decompose(syllable: UInt32, _ add: (UInt32) -> Void) {
    let index = syllable - 0xAC00
    add(0x1100 + index / 588)
    add(0x1161 + index % 588 / 28)
    if index % 28 != 0 { add(0x11A7 + index % 28) }
  }

  private static let limit: UInt32 = 0x30000

  @inline(__always)
  private static func entry(_ scalar: UInt32, _ table: [UInt32]) -> UInt32 {
    if scalar < limit { return table[Int(scalar)] }
    return highEntry(scalar, uncased: table[Int(UInt8(ascii: "A"))] != 0)
  }

  /// Above the table there are only scalars that vanish.
  private static func highEntry(_ scalar: UInt32, uncased: Bool) -> UInt32 {
    func holds(_ list: [UInt32]) -> Bool {
      stride(from: 0, to: list.count, by: 2).contains {
        list[$0] <= scalar && scalar <= list[$0 + 1]
      }
    }
    let vanishes =
      holds(BertNormalizationTable.removed) || uncased && holds(BertNormalizationTable.stripped)
    return vanishes ? Action.remove << 24 : 0
  }

  private static let casedTable = makeTable(uncased: false)
  private static let uncasedTable = makeTable(uncased: true)

  private static func makeTable(uncased: Bool) -> [UInt32] {
    var table = [UInt32](repeating: 0, count: Int(limit))
    func mark(_ list: [UInt32], _ action: UInt32) {
      for at in stride(from: 0, to: list.count, by: 2) where list[at] < limit {
        for scalar in list[at]...min(list[at + 1], limit - 1) { table[Int(scalar)] |= action << 24 }
      }
    }
    mark(BertNormalizationTable.isolated, Action.isolate)
    mark(BertNormalizationTable.spaces, Action.space)
    mark(BertNormalizationTable.removed, Action.remove)
    if uncased {
      mark(BertNormalizationTable.stripped, Action.remove)
      for pair in BertNormalizationTable.single {
        table[Int(pair >> 20)] |= Action.map << 24 | UInt32(pair & 0xFFFFF)
      }
      let several = BertNormalizationTable.several
      var at = 0
      while at + 1 < several.count {
        table[Int(several[at])] |= Action.several << 24 | UInt32(at + 1)
        at += 2 + Int(several[at + 1])
      }
    }
    let punctuation = BertNormalizationTable.punctuation
    for at in stride(from: 0, to: punctuation.count, by: 2) where punctuation[at] < limit {
      for scalar in punctuation[at]...min(punctuation[at + 1], limit - 1)
      where table[Int(scalar)] == 0 { table[Int(scalar)] = Action.punctuation << 24 }
    }
    return table
  }
}
