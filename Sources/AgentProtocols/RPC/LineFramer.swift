/// Cuts a stream of bytes into lines. A line that is too long is reported once, never kept, and the
/// next newline begins the next message.
package struct LineFramer {
  package enum Frame: Equatable {
    /// A line without its newline (and without a carriage return before it); never blank.
    case line([UInt8])
    /// A line began that is longer than the limit.
    case tooLong
  }

  /// Most bytes of a line.
  package let limit: Int
  private var pending: [UInt8] = []
  private var isSkipping = false

  package init(limit: Int) { self.limit = limit }

  /// The lines that end in `bytes`, in order.
  package mutating func feed(_ bytes: UnsafeRawBufferPointer) -> [Frame] {
    var frames: [Frame] = []
    var rest = bytes[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      add(rest[..<end], &frames)
      rest = rest[(end + 1)...]
      endLine(&frames)
    }
    add(rest, &frames)
    return frames
  }

  /// What the stream ended with, should the last line lack its newline.
  package mutating func finish() -> [Frame] {
    var frames: [Frame] = []
    endLine(&frames)
    return frames
  }

  private mutating func add(_ part: Slice<UnsafeRawBufferPointer>, _ frames: inout [Frame]) {
    guard !isSkipping else { return }
    guard pending.count + part.count <= limit else {
      pending = []
      isSkipping = true
      frames.append(.tooLong)
      return
    }
    pending.append(contentsOf: part)
  }

  private mutating func endLine(_ frames: inout [Frame]) {
    defer {
      pending = []
      isSkipping = false
    }
    guard !isSkipping else { return }
    if pending.last == UInt8(ascii: "\r") { pending.removeLast() }
    let isBlank = pending.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    if !isBlank { frames.append(.line(pending)) }
  }
}
