/// What was killed, newest last. Kills in a row grow one entry, as in Emacs.
package struct KillRing: Sendable, Equatable {
  package enum Direction: Sendable { case forward, backward }

  /// Entries kept.
  package static let capacity = 32
  package private(set) var entries: [String] = []
  /// The entry that yank gives, counted from the newest.
  private var rotation = 0

  package init() {}

  package mutating func add(_ text: String, _ direction: Direction, joining: Bool) {
    if text.isEmpty { return }
    rotation = 0
    if joining, let last = entries.popLast() {
      entries.append(direction == .forward ? last + text : text + last)
      return
    }
    entries.append(text)
    if entries.count > Self.capacity { entries.removeFirst() }
  }

  package var current: String? {
    entries.isEmpty ? nil : entries[entries.count - 1 - rotation % entries.count]
  }

  package mutating func startYank() { rotation = 0 }

  package mutating func rotate() {
    if !entries.isEmpty { rotation = (rotation + 1) % entries.count }
  }
}
