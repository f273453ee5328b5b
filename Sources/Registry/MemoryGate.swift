// Which model runs, in how much context. A decision from numbers alone: no file is read here.
//
//   have = what the tightest limit leaves − reserve + what this process holds already
//   need = weights + kv(context) + scratch + tokenizer + embedder + index + snapshots
//        + process + what other models that stay loaded are charged with
//
// The needs say what the whole process will take, and so what it holds already is added to what there
// is: nothing counts twice, and the memory of a model that leaves serves the one that comes.
//
// Models are tried from the highest rank down. Each is tried at the wanted context, then at the
// largest smaller one that fits, in steps of 256 tokens, down to the floor. The first that fits is the
// choice; for each one before it the decision keeps why it was refused and what would make it fit.

package enum MemoryGate {
  /// A model that could be loaded.
  package struct Candidate: Sendable {
    package var id: String
    package var rank: Int
    /// The most tokens it was trained for.
    package var maximumContext: Int
    /// Its need in a context of so many tokens; must not fall when the context grows.
    package var need: @Sendable (_ context: Int) -> MemoryNeed

    package init(
      id: String, rank: Int, maximumContext: Int,
      need: @escaping @Sendable (_ context: Int) -> MemoryNeed
    ) {
      self.id = id
      self.rank = rank
      self.maximumContext = maximumContext
      self.need = need
    }
  }

  /// Granularity of contexts below the wanted one, in tokens.
  package static let contextStep = 256

  /// Memory left alone: a twentieth of what there is, at least 64 MiB and at most 1 GiB.
  package static func reserve(total: Int) -> Int {
    min(max(total / 20, 64 << 20), 1 << 30)
  }

  /// Decides.
  ///
  /// - Parameters:
  ///   - context: the wanted context in tokens; each model's own maximum bounds it.
  ///   - floor: the smallest context worth having.
  ///   - credit: bytes without a file behind them that this process holds; mapped files are page
  ///     cache, which counts as available already.
  ///   - addressCredit: the same against limits that count addresses (`ulimit -v`): what is mapped.
  ///   - force: choose the first candidate at the wanted context whatever the numbers say.
  package static func decide(
    snapshot: MemorySnapshot, candidates: [Candidate], context: Int, floor: Int, credit: Int = 0,
    addressCredit: Int = 0, force: Bool = false
  ) -> GateDecision {
    let sorted = candidates.sorted { $0.rank != $1.rank ? $0.rank > $1.rank : $0.id < $1.id }
    func held(against limit: MemorySnapshot.Limit) -> Int {
      limit.countsAddresses ? addressCredit : credit
    }
    let limit = snapshot.limits.min {
      $0.available.saturatingAdd(held(against: $0)) < $1.available.saturatingAdd(held(against: $1))
    }
    let have = GateDecision.Have(
      limit: limit, reserve: reserve(total: snapshot.total ?? 0),
      credit: limit.map(held) ?? 0)
    var verdicts = sorted.map { judge($0, have: have, context: context, floor: floor) }
    var choice = verdicts.firstIndex { $0.fits }
    var isForced = false
    if force, choice != 0, !verdicts.isEmpty {
      let first = sorted[0]
      let wanted = max(1, min(context, first.maximumContext))
      verdicts[0].context = wanted
      verdicts[0].need = first.need(wanted)
      choice = 0
      isForced = true
    }
    return GateDecision(
      have: have, verdicts: verdicts, choiceIndex: choice, isForced: isForced,
      problems: snapshot.problems)
  }

  private static func judge(
    _ candidate: Candidate, have: GateDecision.Have, context: Int, floor: Int
  ) -> GateDecision.Verdict {
    let wanted = max(1, min(context, candidate.maximumContext))
    let smallest = max(1, min(floor, wanted))
    func verdict(_ context: Int, fits: Bool, _ reason: String) -> GateDecision.Verdict {
      GateDecision.Verdict(
        id: candidate.id, fits: fits, context: context, need: candidate.need(context),
        reason: reason)
    }
    guard let bytes = have.bytes else {
      return verdict(
        wanted, fits: false, "how much memory is free could not be read; --force goes on")
    }
    let full = candidate.need(wanted).total
    if full <= bytes {
      return verdict(
        wanted, fits: true,
        wanted < context ? "fits at its largest context of \(wanted) tokens" : "fits")
    }
    let least = candidate.need(smallest).total
    guard least <= bytes else {
      let short = ByteText.binary(least - bytes)
      return verdict(
        smallest, fits: false,
        "needs \(ByteText.binary(least)) even at \(smallest) tokens, \(ByteText.binary(bytes)) are "
          + "left by \(have.source): fits when \(short) more are free\(raising(have))")
    }
    let found = largestContext(from: smallest, below: wanted) {
      candidate.need($0).total <= bytes
    }
    return verdict(
      found, fits: true,
      "fits at \(found) tokens; \(wanted) would need \(ByteText.binary(full - bytes)) more")
  }

  /// Names the limit that a user can raise.
  private static func raising(_ have: GateDecision.Have) -> String {
    guard let limit = have.limit, limit.source != "/proc/meminfo" else { return "" }
    return ", or when \(limit.source) (\(ByteText.binary(limit.limit))) is raised by as much"
  }

  /// The largest multiple of the step from `low` up (or `low` itself) that fits. `low` does.
  private static func largestContext(
    from low: Int, below high: Int, fits: (Int) -> Bool
  ) -> Int {
    var best = low
    var first = low / contextStep + 1
    var last = (high - 1) / contextStep
    while first <= last {
      let middle = (first + last) / 2
      if fits(middle * contextStep) {
        best = middle * contextStep
        first = middle + 1
      } else {
        last = middle - 1
      }
    }
    return best
  }
}
