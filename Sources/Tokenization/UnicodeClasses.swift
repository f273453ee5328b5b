/// The classes of scalars that pre-tokenizers tell apart, one bit each.
///
/// A scalar has exactly one bit, or none (controls, format characters, private use, unassigned).
enum UnicodeClass {
  /// Lu, Lt
  static let upper: UInt8 = 1
  /// Ll
  static let lower: UInt8 = 2
  /// Lm, Lo
  static let otherLetter: UInt8 = 4
  /// Mn, Mc, Me
  static let mark: UInt8 = 8
  /// Nd, Nl, No
  static let number: UInt8 = 16
  /// White_Space
  static let space: UInt8 = 32
  /// Pc, Pd, Ps, Pe, Pi, Pf, Po
  static let punctuation: UInt8 = 64
  /// Sm, Sc, Sk, So
  static let symbol: UInt8 = 128

  static let letter: UInt8 = upper | lower | otherLetter

  /// `table[scalar]` for the scalars below `limit`; above it only E0100...E01EF have a class.
  nonisolated(unsafe) static let table: UnsafePointer<UInt8> = {
    let table = UnsafeMutablePointer<UInt8>.allocate(capacity: Int(limit))
    table.initialize(repeating: 0, count: Int(limit))
    let changes = UnicodeClassTable.changes
    for (index, change) in changes.enumerated() where change >> 8 < limit {
      let next = index + 1 < changes.count ? changes[index + 1] >> 8 : limit
      let start = Int(change >> 8)
      (table + start).update(
        repeating: UInt8(change & 0xFF), count: Int(min(next, limit)) - start)
    }
    return UnsafePointer(table)
  }()

  static let limit: UInt32 = 0x40000

  @inline(__always)
  static func of(_ scalar: UInt32, in table: UnsafePointer<UInt8>) -> UInt8 {
    if scalar < limit { return table[Int(scalar)] }
    return scalar >= 0xE0100 && scalar <= 0xE01EF ? mark : 0
  }
}

/// A text seen scalar by scalar through the classes of its scalars.
///
/// A byte that begins no valid scalar is a unit of its own, without a class.
struct ClassifiedText {
  let base: UnsafePointer<UInt8>
  let table: UnsafePointer<UInt8>

  init(_ base: UnsafePointer<UInt8>) {
    self.base = base
    table = UnicodeClass.table
  }

  struct Unit {
    /// The class bit, or 0.
    var kind: UInt8
    /// In bytes.
    var length: Int
    var scalar: UInt32

    @inline(__always)
    func isOne(of kinds: UInt8) -> Bool { kind & kinds != 0 }

    @inline(__always)
    var isNewline: Bool { scalar == 10 || scalar == 13 }
  }

  /// The unit at `position`, which must be below `end`.
  @inline(__always)
  func unit(_ position: Int, _ end: Int) -> Unit {
    let first = base[position]
    if first < 0x80 {
      return Unit(kind: table[Int(first)], length: 1, scalar: UInt32(first))
    }
    return longUnit(position, end)
  }

  private func longUnit(_ position: Int, _ end: Int) -> Unit {
    let (scalar, length) = decodeScalar(base + position, end - position)
    if length == 0 { return Unit(kind: 0, length: 1, scalar: 0xFFFD) }
    return Unit(kind: UnicodeClass.of(scalar, in: table), length: length, scalar: scalar)
  }

  /// The end of the run of units of these kinds that begins at `position`.
  @inline(__always)
  func run(_ position: Int, _ end: Int, of kinds: UInt8) -> Int {
    var position = position
    while position < end {
      let unit = unit(position, end)
      if unit.kind & kinds == 0 { break }
      position &+= unit.length
    }
    return position
  }

  /// The end of the run of units of none of these kinds.
  @inline(__always)
  func run(_ position: Int, _ end: Int, without kinds: UInt8) -> Int {
    var position = position
    while position < end {
      let unit = unit(position, end)
      if unit.kind & kinds != 0 { break }
      position &+= unit.length
    }
    return position
  }
}

/// The scalar a stretch of bytes begins with and its length; length 0 when it is not valid UTF-8.
@inline(__always)
func decodeScalar(
  _ bytes: UnsafePointer<UInt8>, _ available: Int
) -> (scalar: UInt32, length: Int) {
  let first = UInt32(bytes[0])
  if first < 0x80 { return (first, 1) }
  guard available >= 2 else { return (0, 0) }
  let second = UInt32(bytes[1])
  guard second & 0xC0 == 0x80 else { return (0, 0) }
  if first < 0xE0 {
    return first < 0xC2 ? (0, 0) : ((first & 0x1F) << 6 | second & 0x3F, 2)
  }
  guard available >= 3 else { return (0, 0) }
  let third = UInt32(bytes[2])
  guard third & 0xC0 == 0x80 else { return (0, 0) }
  if first < 0xF0 {
    let scalar = (first & 0x0F) << 12 | (second & 0x3F) << 6 | third & 0x3F
    return scalar < 0x800 || scalar & 0xF800 == 0xD800 ? (0, 0) : (scalar, 3)
  }
  guard first < 0xF5, available >= 4 else { return (0, 0) }
  let fourth = UInt32(bytes[3])
  guard fourth & 0xC0 == 0x80 else { return (0, 0) }
  let scalar =
    (first & 0x07) << 18 | (second & 0x3F) << 12 | (third & 0x3F) << 6 | fourth & 0x3F
  return scalar < 0x10000 || scalar > 0x10FFFF ? (0, 0) : (scalar, 4)
}

/// Appends a scalar as UTF-8.
@inline(__always)
func appendScalar(_ scalar: UInt32, to output: inout [UInt8]) {
  if scalar < 0x80 {
    output.append(UInt8(scalar))
  } else if scalar < 0x800 {
    output.append(UInt8(0xC0 | scalar >> 6))
    output.append(UInt8(0x80 | scalar & 0x3F))
  } else if scalar < 0x10000 {
    output.append(UInt8(0xE0 | scalar >> 12))
    output.append(UInt8(0x80 | (scalar >> 6) & 0x3F))
    output.append(UInt8(0x80 | scalar & 0x3F))
  } else {
    output.append(UInt8(0xF0 | (scalar >> 18) & 0x07))
    output.append(UInt8(0x80 | (scalar >> 12) & 0x3F))
    output.append(UInt8(0x80 | (scalar >> 6) & 0x3F))
    output.append(UInt8(0x80 | scalar & 0x3F))
  }
}
