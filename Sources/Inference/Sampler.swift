import Compute
import Glibc
import Tokenization

/// Chooses tokens from logits. Equal settings (with the seed), logits and history give equal choices.
///
/// A logit that is not a number counts as −∞; if none is left, the answer is token 0. Among equal
/// logits the lower id goes first.
package struct Sampler: Sendable {
  package let settings: SamplerSettings
  private var random: RandomSource
  private var candidates: [Candidate] = []
  /// The logits after the repetition penalty.
  private var adjusted: [Float] = []

  private struct Candidate: Sendable {
    var id: TokenID
    var logit: Float
    var weight: Double = 0
  }

  package init(_ settings: SamplerSettings) {
    self.settings = settings
    random = RandomSource(seed: settings.seed)
  }

  /// The id of the highest logit; ties go to the lower id.
  package static func argmax(_ logits: UnsafeBufferPointer<Float>) -> TokenID {
    let top = logits.highest
    guard top > -.infinity else { return 0 }
    var best = 0
    logits.scan(atLeast: top) { id in
      best = id
      return false
    }
    return TokenID(best)
  }

  /// - Parameter history: the tokens so far; its tail is what the penalty looks at.
  package mutating func sample(
    _ logits: UnsafeBufferPointer<Float>, history: ArraySlice<TokenID>
  ) -> TokenID {
    let penalised = penalised(history)
    if penalised.isEmpty { return choose(logits, nil) }
    adjusted.removeAll(keepingCapacity: true)
    adjusted.append(contentsOf: logits)
    for id in penalised where id >= 0 && Int(id) < logits.count {
      adjusted[Int(id)] = LogitReach.penalise(
        adjusted[Int(id)], by: settings.repetitionPenalty)
    }
    return choose(adjusted, nil)
  }

  /// The same choice as from all logits, when `near` has all in `reach` of the same history.
  package mutating func sample(_ near: NearLogits, history: ArraySlice<TokenID>) -> TokenID {
    let penalised = penalised(history)
    adjusted.removeAll(keepingCapacity: true)
    for (id, logit) in zip(near.ids, near.values) {
      adjusted.append(
        penalised.contains(id)
          ? LogitReach.penalise(logit, by: settings.repetitionPenalty) : logit)
    }
    return choose(adjusted, near.ids)
  }

  /// The logits that may be chosen after `history`; nil where too many may for looking for them to be
  /// worth it.
  package func reach(_ history: ArraySlice<TokenID>) -> LogitReach? {
    let span = settings.temperature > 0 ? self.span : 0
    guard span <= Self.widestSpan else { return nil }
    return LogitReach(
      span: span, penalty: settings.repetitionPenalty, penalised: penalised(history))
  }

  /// A token 8 below the highest logit is 3000 times less likely; beyond lies most of a vocabulary.
  private static let widestSpan: Float = 8

  private func penalised(_ history: ArraySlice<TokenID>) -> Set<TokenID> {
    guard settings.repetitionPenalty != 1, settings.repetitionPenalty > 0 else { return [] }
    return Set(history.suffix(max(0, settings.repetitionWindow)))
  }

  private mutating func choose(_ logits: [Float], _ ids: [TokenID]?) -> TokenID {
    logits.withUnsafeBufferPointer { choose($0, ids) }
  }

  /// - Parameter ids: whose logits they are; nil for the whole vocabulary.
  private mutating func choose(_ logits: UnsafeBufferPointer<Float>, _ ids: [TokenID]?) -> TokenID {
    let place = place(logits)
    return ids?[Int(place)] ?? place
  }

  private mutating func place(_ logits: UnsafeBufferPointer<Float>) -> TokenID {
    guard settings.temperature > 0 else { return Self.argmax(logits) }
    collectCandidates(logits)
    guard let top = candidates.first, top.logit.isFinite else { return Self.argmax(logits) }
    return draw(cut())
  }

  // MARK: choice

  /// Leaves in `candidates`, highest first, every token that top-k and min-p let through. Nothing
  /// that could be chosen is dropped, and the vocabulary is never sorted as a whole.
  private mutating func collectCandidates(_ logits: UnsafeBufferPointer<Float>) {
    candidates.removeAll(keepingCapacity: true)
    let floor = lowestUseful(logits.highest)
    let limit = settings.topK > 0 ? settings.topK : Int.max
    // A heap of at most `limit`, the weakest at its root, once there are that many.
    logits.scan(atLeast: floor) { id in
      let candidate = Candidate(id: TokenID(id), logit: logits[id])
      if candidates.count < limit {
        candidates.append(candidate)
        if candidates.count == limit { makeHeap() }
      } else if Self.precedes(candidate, candidates[0]) {
        candidates[0] = candidate
        siftDown(0)
      }
      return true
    }
    candidates.sort(by: Self.precedes)
  }

  /// Logits below this cannot be chosen: min-p rules them out, or their probability is under 1e-17
  /// of the highest. `reach` promises the same.
  private func lowestUseful(_ top: Float) -> Float { top.isFinite ? top - span : top }

  private var span: Float {
    let span = 40 * settings.temperature
    guard settings.minP > 0, settings.minP <= 1 else { return span }
    return min(span, -logf(settings.minP) * settings.temperature * 1.0001 + 1e-6)
  }

  private static func precedes(_ a: Candidate, _ b: Candidate) -> Bool {
    a.logit != b.logit ? a.logit > b.logit : a.id < b.id
  }

  private mutating func makeHeap() {
    for i in stride(from: candidates.count / 2 - 1, through: 0, by: -1) { siftDown(i) }
  }

  /// Restores "no parent precedes its children" below `start`.
  private mutating func siftDown(_ start: Int) {
    var parent = start
    while true {
      var child = 2 * parent + 1
      guard child < candidates.count else { return }
      if child + 1 < candidates.count, Self.precedes(candidates[child], candidates[child + 1]) {
        child += 1
      }
      guard Self.precedes(candidates[parent], candidates[child]) else { return }
      candidates.swapAt(parent, child)
      parent = child
    }
  }

  /// Turns logits into weights and returns how many candidates top-p and min-p keep.
  private mutating func cut() -> Int {
    let top = candidates[0].logit
    var total = 0.0
    for i in candidates.indices {
      candidates[i].weight = exp(Double(candidates[i].logit - top) / Double(settings.temperature))
      total += candidates[i].weight
    }
    var kept = candidates.count
    if settings.topP < 1 {
      let wanted = Double(max(0, settings.topP)) * total
      var sum = 0.0
      kept = 0
      while kept < candidates.count, kept == 0 || sum < wanted {
        sum += candidates[kept].weight
        kept += 1
      }
    }
    if settings.minP > 0 {
      let least = Double(min(1, settings.minP))
      while kept > 1, candidates[kept - 1].weight < least { kept -= 1 }
    }
    return kept
  }

  private mutating func draw(_ kept: Int) -> TokenID {
    var total = 0.0
    for i in 0..<kept { total += candidates[i].weight }
    var left = random.unit() * total
    for i in 0..<kept {
      left -= candidates[i].weight
      if left < 0 { return candidates[i].id }
    }
    return candidates[kept - 1].id
  }
}
