/// Decides how many guessed tokens are worth checking at once, from what checking costs on this
/// machine and how often guesses came true in this answer. Pure: times in, lengths out.
///
/// A step that checks k guesses takes `seconds(k)` and yields 1 + p + p² + … + p^k tokens when each
/// guess is right with probability p. The k with most tokens a second is taken, and none where that is
/// no better than plain steps.
///
/// Chances can deceive, so there is a budget besides: what failed guesses have cost, less what others
/// gained, plus what the next one costs if it fails, stays within `credit` plain steps and `share` of
/// the plain steps' time so far. However an answer goes on, guessing makes it hardly slower.
package struct DraftPolicy: Sendable {
  /// With the token before it one pass of the kernels: a ninth would cost as much as a second pass.
  package static let longest = 7

  /// What may be lost, in plain steps: at first, and for each token written.
  package static let credit = 0.5
  package static let share = 0.02

  /// How often a guess after so many agreeing tokens came true: successes and trials, with a
  /// beginning that believes long agreements.
  private var right: [Double]
  private var tried: [Double]
  /// Seconds of a step that checks k guesses, smoothed; nil before the first.
  private var seconds: [Double?]
  /// Tokens written so far, and what guessing has cost beyond plain steps for them, in plain steps.
  private var written = 0
  private var lost = 0.0

  package init() {
    right = [0, 0, 1.0, 2.4, 3.4, 3.4, 3.4]
    tried = [1, 1, 3.0, 4.0, 4.0, 4.0, 4.0]
    seconds = Array(repeating: nil, count: Self.longest + 1)
  }

  /// How many tokens of a guess to check.
  ///
  /// - Parameter agreed: tokens that agreed before it, `PromptLookup.shortest...longest`.
  package func length(agreed: Int, limit: Int) -> Int {
    guard limit > 0, agreed < right.count else { return 0 }
    guard let plain = seconds[0] else { return 0 }
    let chance = right[agreed] / tried[agreed]
    let budget = Self.credit + Self.share * Double(written) - lost
    var best = 0
    var bestRate = 1 / plain
    var expected = 1.0
    var power = 1.0
    for length in 1...Self.longest {
      power *= chance
      expected += power
      let cost = cost(length, plain: plain)
      guard cost / plain - 1 <= budget else { break }
      let rate = expected / cost
      // A gain that noise could make is none.
      if rate > bestRate * (best == 0 ? 1.08 : 1) { (best, bestRate) = (length, rate) }
    }
    return min(best, limit)
  }

  /// A step that checked `length` guesses, of which `accepted` were right, took `time` seconds.
  package mutating func took(_ time: Double, length: Int, accepted: Int = 0) {
    guard length <= Self.longest, time > 0 else { return }
    written += 1 + accepted
    if length > 0, let plain = seconds[0] {
      // When the machine was busy with something else, the guess is not to blame.
      let fair = min(time, 2 * cost(length, plain: plain))
      lost += fair / plain - Double(1 + accepted)
    }
    seconds[length] = seconds[length].map { $0 * 0.8 + time * 0.2 } ?? time
  }

  /// How a guess ended. A guess is only known to be wrong where it first went wrong.
  package mutating func checked(agreed: Int, proposed: Int, accepted: Int) {
    guard agreed < right.count else { return }
    // What is long past counts less.
    right[agreed] = right[agreed] * 0.85 + Double(accepted)
    tried[agreed] = tried[agreed] * 0.85 + Double(min(accepted + 1, proposed))
  }

  /// Measured, or between the nearest measured lengths; before any is measured, each guess is taken to
  /// cost a fifth of a step.
  private func cost(_ length: Int, plain: Double) -> Double {
    if let known = seconds[length] { return known }
    let below = (0..<length).last { seconds[$0] != nil } ?? 0
    let base = seconds[below] ?? plain
    guard let above = (length...Self.longest).first(where: { seconds[$0] != nil }) else {
      return base + Double(length - below)
        * max(plain * 0.2, (base - plain) / Double(max(below, 1)))
    }
    let share = Double(length - below) / Double(above - below)
    return base + ((seconds[above] ?? base) - base) * share
  }
}
