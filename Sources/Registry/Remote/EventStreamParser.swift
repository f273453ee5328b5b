/// Server-sent events (WHATWG HTML, section 9.2), of which only the data matters here: bytes in,
/// the data of whole events out. Lines end with LF, CR or both, wherever the bytes are cut.
package struct EventStreamParser: Sendable {
  private var line: [UInt8] = []
  private var data: [UInt8] = []
  private var hasData = false
  private var lastWasReturn = false
  private var isFirstLine = true

  /// Longest event taken; a server that sends more without an end is not believed.
  static let largestEvent = 8 << 20

  package init() {}

  /// - Returns: the data of events that ended, or nil when one is larger than `largestEvent`.
  package mutating func feed(_ bytes: some Sequence<UInt8>) -> [String]? {
    var events: [String] = []
    for byte in bytes {
      switch byte {
      case 0x0A where lastWasReturn:
        lastWasReturn = false
      case 0x0A, 0x0D:
        lastWasReturn = byte == 0x0D
        if let event = endLine() { events.append(event) }
      default:
        lastWasReturn = false
        line.append(byte)
        guard line.count + data.count <= Self.largestEvent else { return nil }
      }
    }
    return events
  }

  private mutating func endLine() -> String? {
    defer { line.removeAll(keepingCapacity: true) }
    if isFirstLine {
      isFirstLine = false
      if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
    }
    guard !line.isEmpty else {
      defer {
        data.removeAll(keepingCapacity: true)
        hasData = false
      }
      return hasData ? String(decoding: data, as: UTF8.self) : nil
    }
    guard line.starts(with: Array("data".utf8)), line.count == 4 || line[4] == 0x3A else {
      return nil
    }
    var value = line.dropFirst(5)
    if value.first == 0x20 { value.removeFirst() }
    if hasData { data.append(0x0A) }
    data.append(contentsOf: value)
    hasData = true
    return nil
  }
}
