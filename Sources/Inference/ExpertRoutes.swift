import Compute

/// Which experts each token of a batch goes to, and where its rows lie once sorted by expert.
final class ExpertRoutes {
  let plan: ExpertPlan
  /// [token][rank]: the experts with the highest logits, highest first; ties go to the lower index.
  private(set) var experts: [Int32]
  /// [token][rank]: softmax over the chosen.
  private(set) var shares: [Float]
  /// [token][rank]: the sorted row.
  private(set) var places: [Int32]
  /// The token of each sorted row.
  private(set) var tokens: [Int32]
  /// Where each expert's rows begin; one more than there are experts.
  private(set) var starts: [Int]

  init(_ plan: ExpertPlan, batch: Int) {
    self.plan = plan
    let slots = batch * plan.used
    experts = Array(repeating: 0, count: slots)
    shares = Array(repeating: 0, count: slots)
    places = Array(repeating: 0, count: slots)
    tokens = Array(repeating: 0, count: slots)
    starts = Array(repeating: 0, count: plan.count + 1)
  }

  /// - Parameter logits: [token][experts]
  func route(_ logits: UnsafePointer<Float>, count: Int, kernels: VectorKernels) {
    for token in 0..<count { choose(logits + token * plan.count, slot: token * plan.used, kernels) }
    sort(count)
  }

  private func choose(_ logits: UnsafePointer<Float>, slot: Int, _ kernels: VectorKernels) {
    let used = plan.used
    for rank in 0..<used {
      var best = -1
      for expert in 0..<plan.count {
        var taken = false
        for earlier in 0..<rank where experts[slot + earlier] == Int32(expert) { taken = true }
        if !taken, best < 0 || logits[expert] > logits[best] { best = expert }
      }
      experts[slot + rank] = Int32(best)
      shares[slot + rank] = logits[best]
    }
    let top = shares[slot]
    for rank in 0..<used { shares[slot + rank] -= top }
    shares.withUnsafeMutableBufferPointer { shares in
      guard let base = shares.baseAddress else { return }
      let own = base + slot
      kernels.exp(own, into: own, count: used)
      var sum: Float = 0
      for rank in 0..<used { sum += own[rank] }
      for rank in 0..<used { own[rank] /= sum }
    }
  }

  /// Counting sort by expert; within one, in order of tokens.
  private func sort(_ count: Int) {
    for i in starts.indices { starts[i] = 0 }
    let slots = count * plan.used
    for slot in 0..<slots { starts[Int(experts[slot]) + 1] += 1 }
    for expert in 0..<plan.count { starts[expert + 1] += starts[expert] }
    // Filling moves each start to the next one; they are moved back afterwards.
    for slot in 0..<slots {
      let expert = Int(experts[slot])
      let row = starts[expert]
      starts[expert] += 1
      places[slot] = Int32(row)
      tokens[row] = Int32(slot / plan.used)
    }
    for expert in stride(from: plan.count, to: 0, by: -1) { starts[expert] = starts[expert - 1] }
    starts[0] = 0
  }
}
