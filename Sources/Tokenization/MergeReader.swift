/// Reads a merge list in batches, so that the look-ups of one batch overlap in memory: a list of
/// 446,189 merges (o200k) means 900,000 look-ups in tables larger than the nearest caches.
final class MergeReader {
  struct Merge {
    var rank: Int
    var left: TokenID
    var right: TokenID
    var result: TokenID
  }

  private struct Line {
    /// Where the two strings begin in `bytes`, one after the other.
    var start = 0
    var leftCount = 0
    var rightCount = 0
    var leftHash: UInt64 = 0
    var rightHash: UInt64 = 0
    var leftEntry: UInt32 = 0
    var rightEntry: UInt32 = 0
  }

  private static let batch = 256

  private let merges: ByteStrings
  private let index: ByteTable
  private var rank = 0
  private var bytes: UnsafeMutablePointer<UInt8>
  private var capacity = 16 << 10
  private let lines: UnsafeMutablePointer<Line>
  private var result = 0

  init(_ merges: ByteStrings, index: ByteTable) {
    self.merges = merges
    self.index = index
    bytes = .allocate(capacity: capacity)
    lines = .allocate(capacity: Self.batch)
    lines.initialize(repeating: Line(), count: Self.batch)
  }

  deinit {
    bytes.deallocate()
    lines.deallocate()
  }

  /// Calls `merge` for each merge whose three strings the vocabulary holds, in order.
  func forEach(_ merge: (Merge) -> Void) {
    while rank < merges.count {
      let first = rank
      let count = min(Self.batch, merges.count - rank)
      rank += count
      split(first, count)
      for line in 0..<count {
        lines[line].leftEntry = index.firstEntry(lines[line].leftHash)
        lines[line].rightEntry = index.firstEntry(lines[line].rightHash)
      }
      for number in 0..<count {
        if let found = find(lines[number], rank: first + number) { merge(found) }
      }
    }
  }

  @inline(__always)
  private func find(_ line: Line, rank: Int) -> Merge? {
    guard line.leftCount > 0, line.rightCount > 0 else { return nil }
    let start = UnsafePointer(bytes + line.start)
    let left = index.find(
      start, line.leftCount, hash: line.leftHash, firstEntry: line.leftEntry)
    let right = index.find(
      start + line.leftCount, line.rightCount, hash: line.rightHash, firstEntry: line.rightEntry)
    guard left >= 0, right >= 0 else { return nil }
    let result = index(ofResult: start, line.leftCount + line.rightCount)
    guard result >= 0 else { return nil }
    return Merge(
      rank: rank, left: TokenID(left), right: TokenID(right), result: TokenID(result))
  }

  /// Cuts the lines at their space and decodes both sides.
  private func split(_ first: Int, _ count: Int) {
    var room = 0
    for line in 0..<count { room += merges[first + line].count }
    if room > capacity {
      bytes.deallocate()
      capacity = room * 2
      bytes = .allocate(capacity: capacity)
    }
    let output = bytes
    ByteAlphabet.bytes.withUnsafeBufferPointer { table in
      var written = 0
      for number in 0..<count {
        let text = merges[first + number]
        var gap = 1
        while gap < text.count, text[gap] != 0x20 { gap &+= 1 }
        var line = Line()
        if gap < text.count {
          line.start = written
          line.leftCount = ByteAlphabet.decode(
            UnsafeBufferPointer(rebasing: text[..<gap]), with: table, to: output + written)
          line.leftHash = ByteTable.hash(output + written, line.leftCount)
          written += line.leftCount
          line.rightCount = ByteAlphabet.decode(
            UnsafeBufferPointer(rebasing: text[(gap + 1)...]), with: table, to: output + written)
          line.rightHash = ByteTable.hash(output + written, line.rightCount)
          written += line.rightCount
        }
        lines[number] = line
      }
    }
  }

  /// The token a merge gives. Lists are written in the order of the tokens they make, so it is
  /// nearly always the one before or the next.
  private func index(ofResult bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
    for guess in result..<min(result + 2, index.count)
    where index.holds(guess) && index.matches(guess, bytes, count) {
      result = guess
      return guess
    }
    let found = index.find(bytes, count)
    if found >= 0 { result = found }
    return found
  }
}
