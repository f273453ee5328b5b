/// Stems of words seen before. Bounded: once full, new words are stemmed each time. Plain memory,
/// because a word is looked up for every word of every document.
final class StemTable {
  /// Longer words are not kept, in bytes.
  static let longest = 48
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
    bytes = .allocate(capacity: Self.room)
  }

  deinit {
    entries.deallocate()
    bytes.deallocate()
  }

  /// The stem, lent while the table lives.
  @inline(__always)
  func find(_ word: UnsafeBufferPointer<UInt8>, _ hash: UInt32) -> UnsafeBufferPointer<UInt8>? {
    guard let start = word.baseAddress else { return nil }
    var slot = Int(hash ^ hash >> 15) & (Self.slots - 1)
    while true {
      let entry = entries[slot]
      if entry.wordLength == 0 { return nil }
      if entry.hash == hash, Int(entry.wordLength) == word.count {
        let kept = bytes + Int(entry.offset)
        var index = 0
        while index < word.count, kept[index] == start[index] { index += 1 }
        if index == word.count {
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
