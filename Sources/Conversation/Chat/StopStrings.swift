/// Looks for strings that end an answer, in text that comes in pieces.
///
/// Text that may still be the beginning of a stop string is held back; everything else is let
/// through at once. The first stop string to be complete wins, the one that began earlier on a tie.
struct StopStrings: Sendable {
  private let stops: [[UInt8]]
  private var held: [UInt8] = []

  init(_ stops: [String]) {
    self.stops = stops.filter { !$0.isEmpty }.map { Array($0.utf8) }
  }

  /// Text that is certain; `rest` is what follows a stop string, nil as long as none was found.
  mutating func feed(_ text: String) -> (text: String, rest: String?) {
    guard !stops.isEmpty else { return (text, nil) }
    let bytes = Array(text.utf8)
    for (index, byte) in bytes.enumerated() {
      held.append(byte)
      if let start = stops.filter({ held.ends(with: $0) }).map({ held.count - $0.count }).min() {
        let before = String(decoding: held[..<start], as: UTF8.self)
        held.removeAll()
        return (before, String(decoding: bytes[(index + 1)...], as: UTF8.self))
      }
    }
    let keep = longestPrefixAtEnd()
    let certain = String(decoding: held[..<(held.count - keep)], as: UTF8.self)
    held.removeFirst(held.count - keep)
    return (certain, nil)
  }

  /// What was held back and turned out not to be a stop string.
  mutating func finish() -> String {
    defer { held.removeAll() }
    return String(decoding: held, as: UTF8.self)
  }

  /// How many bytes at the end are the beginning of some stop string.
  private func longestPrefixAtEnd() -> Int {
    let longest = stops.map { $0.count - 1 }.max() ?? 0
    for length in stride(from: min(longest, held.count), to: 0, by: -1) {
      if stops.contains(where: { $0.count > length && held.ends(with: $0[..<length]) }) {
        return length
      }
    }
    return 0
  }
}

extension [UInt8] {
  func ends(with suffix: some BidirectionalCollection<UInt8>) -> Bool {
    count >= suffix.count && self[(count - suffix.count)...].elementsEqual(suffix)
  }
}
