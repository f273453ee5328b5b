/// An open-addressing hash table from byte strings to indices into a `ByteStrings`.
///
/// Slots: `hash(11) << 21 | index + 1`, 0 when free; linear probing at a load of at most one half.
/// Built once, then only read, so it is shared between threads without a lock.
final class ByteTable: @unchecked Sendable {
  /// The most strings a table takes.
  static let limit = 1 << indexBits - 1
  private static let indexBits = 21
  private static let indexMask: UInt32 = 1 << indexBits - 1

  private let strings: ByteStrings
  private let slots: UnsafeMutablePointer<UInt32>
  private let mask: Int
  private let entered: UnsafeMutablePointer<Bool>

  /// Enters every string that `include` admits; of equal strings the first one stays.
  init(_ strings: ByteStrings, include: (Int) -> Bool = { _ in true }) {
    precondition(strings.count <= Self.limit)
    self.strings = strings
    var capacity = 16
    while capacity < strings.count * 2 { capacity *= 2 }
    mask = capacity - 1
    slots = .allocate(capacity: capacity)
    slots.initialize(repeating: 0, count: capacity)
    entered = .allocate(capacity: max(1, strings.count))
    for index in 0..<strings.count {
      entered[index] = include(index) && insert(index)
    }
  }

  deinit {
    slots.deallocate()
    entered.deallocate()
  }

  /// False for an empty string and one that is there already.
  private func insert(_ index: Int) -> Bool {
    let bytes = strings[index]
    guard let base = bytes.baseAddress, bytes.count > 0 else { return false }
    let hash = Self.hash(base, bytes.count)
    let mark = Self.mark(hash)
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      if slots[slot] & ~Self.indexMask == mark,
        matches(Self.index(slots[slot]), base, bytes.count)
      {
        return false
      }
      slot = (slot + 1) & mask
    }
    slots[slot] = mark | UInt32(index + 1)
    return true
  }

  /// The highest bits of a hash, where a slot has them: most strings that are not the one looked for
  /// are told by these, without a look at their bytes.
  @inline(__always)
  private static func mark(_ hash: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: hash >> 32) & ~indexMask
  }

  @inline(__always)
  private static func index(_ entry: UInt32) -> Int { Int(entry & indexMask) - 1 }

  /// The index of a byte string, or -1.
  @inline(__always)
  func find(_ base: UnsafePointer<UInt8>, _ count: Int) -> Int {
    find(base, count, hash: Self.hash(base, count))
  }

  @inline(__always)
  func find(_ base: UnsafePointer<UInt8>, _ count: Int, hash: UInt64) -> Int {
    find(base, count, hash: hash, firstEntry: firstEntry(hash))
  }

  /// What `find` reads first. Reading it for many strings before finding them lets the memory
  /// accesses overlap.
  @inline(__always)
  func firstEntry(_ hash: UInt64) -> UInt32 { slots[Int(truncatingIfNeeded: hash) & mask] }

  @inline(__always)
  func find(
    _ base: UnsafePointer<UInt8>, _ count: Int, hash: UInt64, firstEntry: UInt32
  ) -> Int {
    let mark = Self.mark(hash)
    var slot = Int(truncatingIfNeeded: hash) & mask
    var entry = firstEntry
    while true {
      if entry == 0 { return -1 }
      if entry & ~Self.indexMask == mark {
        let index = Self.index(entry)
        if matches(index, base, count) { return index }
      }
      slot = (slot + 1) & mask
      entry = slots[slot]
    }
  }

  func find(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    guard let base = bytes.baseAddress, bytes.count > 0 else { return -1 }
    return find(base, bytes.count)
  }

  func find(_ text: String) -> Int {
    var text = text
    return text.withUTF8 { find($0) }
  }

  /// The number of strings, whether entered or not.
  var count: Int { strings.count }

  /// Whether `find` gives this index for string `index`.
  @inline(__always)
  func holds(_ index: Int) -> Bool { entered[index] }

  /// Whether string `index` holds these bytes.
  @inline(__always)
  func matches(_ index: Int, _ base: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    let own = strings[index]
    guard own.count == count, let ownBase = own.baseAddress else { return false }
    return equal(ownBase, base, count)
  }

  @inline(__always)
  static func hash(_ base: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
    let raw = UnsafeRawPointer(base)
    var hash = UInt64(truncatingIfNeeded: count) &* 0x9E37_79B9_7F4A_7C15
    var index = 0
    while index &+ 8 <= count {
      hash = mix(hash ^ raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      index &+= 8
    }
    if index < count {
      var tail: UInt64 = 0
      var shift: UInt64 = 0
      while index < count {
        tail |= UInt64(base[index]) &<< shift
        shift &+= 8
        index &+= 1
      }
      hash = mix(hash ^ tail)
    }
    return hash
  }

  @inline(__always)
  private static func mix(_ value: UInt64) -> UInt64 {
    let product = (value ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
    return product.high ^ product.low
  }
}

/// Whether two stretches of `count` bytes hold the same.
@inline(__always)
func equal(_ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, _ count: Int) -> Bool {
  let left = UnsafeRawPointer(a)
  let right = UnsafeRawPointer(b)
  var index = 0
  while index &+ 8 <= count {
    if left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      != right.loadUnaligned(fromByteOffset: index, as: UInt64.self)
    {
      return false
    }
    index &+= 8
  }
  while index < count {
    if a[index] != b[index] { return false }
    index &+= 1
  }
  return true
}
