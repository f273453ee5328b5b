import Compute

/// Activations of one batch; each line says the shape of one buffer.
final class SessionBuffers {
  private let arena: Arena
  let batch: Int
  /// The residual stream: [token][hidden]
  let stream: UnsafeMutablePointer<Float>
  /// What a norm or a projection gives: [token][hidden]
  let normed: UnsafeMutablePointer<Float>
  let projected: UnsafeMutablePointer<Float>
  /// [token][heads · keySize], [token][keyHeads · keySize], [token][keyHeads · valueSize]
  let queries: UnsafeMutablePointer<Float>
  let keys: UnsafeMutablePointer<Float>
  let values: UnsafeMutablePointer<Float>
  /// [token][heads · valueSize]
  let mixed: UnsafeMutablePointer<Float>
  /// [token or token and expert][feedForward]
  let gate: UnsafeMutablePointer<Float>
  let up: UnsafeMutablePointer<Float>
  /// Experts only. Inputs by expert [token and expert][hidden], outputs likewise, and router logits
  /// [token][experts].
  let gathered: UnsafeMutablePointer<Float>
  let scattered: UnsafeMutablePointer<Float>
  let routing: UnsafeMutablePointer<Float>
  /// For each rotary plan.
  let rotary: [RotaryTable]
  let input = PreparedInput()
  let secondInput = PreparedInput()

  init(_ plan: DecoderConfiguration, batch: Int) {
    self.batch = batch
    let arena = Arena()
    self.arena = arena
    func take(_ perToken: Int) -> UnsafeMutablePointer<Float> { arena.floats(batch * perToken) }
    let slots = plan.experts?.used ?? 0
    stream = take(plan.hidden)
    normed = take(plan.hidden)
    projected = take(plan.hidden)
    queries = take(plan.heads * plan.keySize)
    keys = take(plan.widestKeyHeads * plan.keySize)
    values = take(plan.widestKeyHeads * plan.valueSize)
    mixed = take(plan.heads * plan.valueSize)
    gate = take(plan.widestFeedForward * max(1, slots))
    up = take(plan.widestFeedForward * max(1, slots))
    gathered = take(plan.hidden * slots)
    scattered = take(plan.hidden * slots)
    routing = take(plan.experts?.count ?? 0)
    rotary = plan.ropes.map { RotaryTable(plan: $0, batch: batch, arena: arena) }
  }

  /// Floats of all of the above.
  static func floats(_ plan: DecoderConfiguration, batch: Int) -> Int {
    let slots = plan.experts?.used ?? 0
    var perToken = plan.hidden * (3 + 2 * slots) + (plan.experts?.count ?? 0)
    perToken += plan.heads * (plan.keySize + plan.valueSize)
    perToken += plan.widestKeyHeads * (plan.keySize + plan.valueSize)
    perToken += 2 * plan.widestFeedForward * max(1, slots)
    perToken += plan.ropes.reduce(0) { $0 + 2 * $1.pairs }
    return perToken * batch
  }
}
