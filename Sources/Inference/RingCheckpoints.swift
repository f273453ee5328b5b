import Compute

/// The checkpoints of a timeline, few and bounded: the ends of the latest prompts, and the borders of
/// the newest one, which are the places where another prompt may part from it long before its end.
struct RingCheckpoints {
  private var held: [RingCheckpoint] = []
  /// Places wanted in the prompt that is being read, the most important first.
  private var borders: [Int] = []
  private let borderLimit: Int
  private let endLimit: Int

  /// - Parameter count: how many may be kept in all.
  init(count: Int) {
    borderLimit = min(RingCheckpoint.borderLimit, count / 2)
    endLimit = count - borderLimit
  }

  /// Those at the ends of prompts, the oldest first.
  var ends: [RingCheckpoint] { held.filter { !$0.isBorder } }
  /// Whether there is room for any.
  var isOn: Bool { endLimit > 0 }
  /// Whether there is room for borders.
  var keepsBorders: Bool { borderLimit > 0 }

  /// A prompt of `count` tokens is to be read: borders that it does not have are dropped.
  ///
  /// - Returns: the ones that are still missing.
  mutating func begin(borders wanted: [Int], count: Int) -> [Int] {
    borders = Array(wanted.filter { $0 > 0 && $0 < count }.prefix(borderLimit))
    held.removeAll { $0.isBorder && !borders.contains($0.end) }
    return borders.filter { border in !held.contains { $0.isBorder && $0.end == border } }
  }

  /// Drops the oldest of the ends if need be, before another is made.
  ///
  /// - Returns: false when there is no room for any, or when that end is here already.
  mutating func makeRoom(forEnd end: Int) -> Bool {
    guard isOn, held.last(where: { !$0.isBorder })?.end != end else { return false }
    if held.count(where: { !$0.isBorder }) >= endLimit,
      let oldest = held.firstIndex(where: { !$0.isBorder })
    {
      held.remove(at: oldest)
    }
    return true
  }

  /// Keeps one more: an end there is room for, or a border that `begin` asked for.
  mutating func add(_ checkpoint: RingCheckpoint) { held.append(checkpoint) }

  /// Forgets all and keeps what was read from a file instead, where there is room.
  mutating func replace(by ends: [RingCheckpoint]) { held = Array(ends.suffix(endLimit)) }

  /// The one that leads back furthest on: to the latest place at or before `position`.
  func best(atOrBefore position: Int) -> (checkpoint: RingCheckpoint, place: Int)? {
    held.compactMap { checkpoint in
      checkpoint.place(atOrBefore: position).map { (checkpoint, $0) }
    }.filter { $0.1 > 0 }.max { $0.1 < $1.1 }
  }

  /// Follows a timeline that forgot its tokens from `count` on.
  mutating func forget(from count: Int) {
    for i in held.indices { held[i].forget(from: count) }
    held.removeAll { $0.place(atOrBefore: $0.end) ?? 0 == 0 }
  }
}
