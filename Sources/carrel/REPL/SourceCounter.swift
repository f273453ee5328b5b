import Synchronization

/// How many sources the last answer has, shared between the REPL and completion.
final class SourceCounter: Sendable {
  private let count = Atomic<Int>(0)
  var value: Int {
    get { count.load(ordering: .relaxed) }
    set { count.store(newValue, ordering: .relaxed) }
  }
}
