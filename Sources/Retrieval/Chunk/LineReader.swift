import Glibc

/// A line of a text: its bytes without the line feed, and its number from 1.
struct Line {
  var range: Range<Int>
  var number: Int
}

/// Walks over lines that end in a line feed. A carriage return counts as white space of its line.
struct LineReader {
  let bytes: UnsafeRawBufferPointer
  private(set) var position = 0
  private var number = 0
  private let end: Int

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    end = bytes.count
  }

  /// Reads part of a text, whose first line has the number `firstLine`.
  init(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>, firstLine: Int) {
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
    number = firstLine - 1
  }

  mutating func next() -> Line? {
    guard position < end, let base = bytes.baseAddress else { return nil }
    let start = position
    number += 1
    if let feed = memchr(base + start, 10, end - start) {
      let stop = UnsafeRawPointer(feed) - base
      position = stop + 1
      return Line(range: start..<stop, number: number)
    }
    position = end
    return Line(range: start..<end, number: number)
  }

  func isBlank(_ line: Line) -> Bool {
    for index in line.range where !isSpace(bytes[index]) { return false }
    return true
  }

  /// Bytes of spaces and tabs at the start of the line.
  func indentation(_ line: Line) -> Int {
    var index = line.range.lowerBound
    while index < line.range.upperBound, bytes[index] == 32 || bytes[index] == 9 { index += 1 }
    return index - line.range.lowerBound
  }

  /// The line without white space around it, as far as `limit` bytes.
  func trimmed(_ line: Line) -> Range<Int> { trimmedRange(bytes, line.range) }
}

/// Space, tab, line feed, vertical tab, form feed, carriage return.
@inline(__always)
func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (byte >= 9 && byte <= 13) }

func trimmedRange(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Range<Int> {
  var low = range.lowerBound
  var high = range.upperBound
  while low < high, isSpace(bytes[low]) { low += 1 }
  while high > low, isSpace(bytes[high - 1]) { high -= 1 }
  return low..<high
}
