/// Lets progress through at most ten times a second. Pure but for the clock.
package struct ProgressGate: Sendable {
  private var last: ContinuousClock.Instant?
  private let interval = Duration.milliseconds(100)

  package init() {}

  package mutating func opens(at now: ContinuousClock.Instant = .now) -> Bool {
    if let last, last.duration(to: now) < interval { return false }
    last = now
    return true
  }
}
