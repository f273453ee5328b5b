/// Stems of words seen before. Bounded: once full, new words are stemmed each time. Plain memory,
/// because a word is looked up for every word of every document.
final class StemTable {
  /// Longer words are not kept, in bytes; a power of two.
  static let longest = 64
  /// Bytes from a word's beginning that must be readable, whatever its length.
  static let wordRoom = longest + 8
  private static let slots = 1 << 16
  private static let most = slots / 2
  /// Bytes of all words and stems, at most.
  private static let room = 1 << 20

  private struct Entry {
    var hash: UInt32 = 0
    /// Where the word begins in `bytes`; its stem follows it.
    var offset: UInt32 = 0
    /// 0 for a free slot.
    var wordLength: UInt8 = 0
    var stemLength: UInt8 = 0
  }

  private let entries: UnsafeMutablePointer<Entry>
  private let bytes: UnsafeMutablePointer<UInt8>
  private var used = 0
  private var filled = 0

  init() {
    entries = .allocate(capacity: Self.slots)
    entries.initialize(repeating: Entry(), count: Self.slots)
    bytes = .allocate(capacity: Self.room + Self.wordRoom)
    bytes.initialize(repeating: 0, count: Self.room + Self.wordRoom)
  }

  deinit {
    entries.deallocate()
    bytes.deallocate()
  }

  /// Bytes from `place` on, at most eight, as one number; 0 past the end.
  @inline(__always)
  private static func part(_ word: UnsafePointer<UInt8>, _ place: Int, _ length: Int) -> UInt64 {
    let all = UInt64(
      littleEndian: UnsafeRawPointer(word).loadUnaligned(fromByteOffset: place, as: UInt64.self))
    let rest = length - place
    return rest >= 8 ? all : all & ~(UInt64.max << UInt64(rest * 8))
  }

  /// - Parameter word: with `wordRoom` readable bytes.
  @inline(__always)
  static func hash(_ word: UnsafePointer<UInt8>, _ length: Int) -> UInt32 {
    var hash = UInt64(length)
    var place = 0
    while place < length {
      hash = (hash ^ part(word, place, length)) &* 0x9e37_79b9_7f4a_7c15
      hash ^= hash >> 32
      place += 8
    }
    return UInt32(truncatingIfNeeded: hash)
  }

  /// The stem, lent while the table lives.
  /// - Parameter word: with `wordRoom` readable bytes.
  @inline(__always)
  func find(_ word: UnsafeBufferPointer<UInt8>, _ hash: UInt32) -> UnsafeBufferPointer<UInt8>? {
    guard let start = word.baseAddress else { return nil }
    var slot = Int(hash ^ hash >> 15) & (Self.slots - 1)
    while true {
      let entry = entries[slot]
      if entry.wordLength == 0 { return nil }
      if entry.hash == hash, Int(entry.wordLength) == word.count {
        let kept = bytes + Int(entry.offset)
        var place = 0
        while place < word.count,
          Self.part(kept, place, word.count) == Self.part(start, place, word.count)
        {
          place += 8
        }
        if place >= word.count {
          return UnsafeBufferPointer(
            start: UnsafePointer(kept) + word.count, count: Int(entry.stemLength))
        }
      }
      slot = (slot + 1) & (Self.slots - 1)
    }
  }

  func insert(_ word: UnsafeBufferPointer<UInt8>, _ hash: UInt32, stem: [UInt8]) {
    guard used < Self.most, !word.isEmpty, word.count <= Self.longest, stem.count <= Self.longest,
      filled + word.count + stem.count <= Self.room, let start = word.baseAddress
    else { return }
    var slot = Int(hash ^ hash >> 15) & (Self.slots - 1)
    while entries[slot].wordLength != 0 { slot = (slot + 1) & (Self.slots - 1) }
    entries[slot] = Entry(
      hash: hash, offset: UInt32(filled), wordLength: UInt8(word.count),
      stemLength: UInt8(stem.count))
    (bytes + filled).update(from: start, count: word.count)
    for (index, byte) in stem.enumerated() { bytes[filled + word.count + index] = byte }
    filled += word.count + stem.count
    used += 1
  }
}
