import Compute

/// Activations of one batch; each line says the shape of one buffer.
final class SessionBuffers {
  private let arena = Arena()
  /// Of what no step but a layer's own reads.
  private let passing = Arena()
  /// The most tokens of a batch since memory was last given back.
  private var widest = 0
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
  // The feed-forward half of a layer works where the attention half did.
  /// [token or token and expert][feedForward], written only where a product reads floats
  let gated: UnsafeMutablePointer<Float>
  /// Experts only. Inputs by expert [token and expert][hidden], and in the same place, once they have
  /// been used, outputs likewise; router logits [token][experts].
  let gathered: UnsafeMutablePointer<Float>
  let scattered: UnsafeMutablePointer<Float>
  let routing: UnsafeMutablePointer<Float>
  /// For each rotary plan.
  let rotary: [RotaryTable]
  let input = PreparedInput()
  let secondInput = PreparedInput()

  init(_ plan: DecoderConfiguration, batch: Int) {
    self.batch = batch
    stream = arena.floats(batch * plan.hidden)
    normed = arena.floats(batch * plan.hidden)
    projected = passing.floats(batch * plan.hidden)
    let shared = passing.floats(batch * Self.sharedFloats(plan))
    var place = shared
    func carve(_ perToken: Int) -> UnsafeMutablePointer<Float> {
      defer { place += batch * perToken }
      return place
    }
    queries = carve(plan.heads * plan.keySize)
    keys = carve(plan.widestKeyHeads * plan.keySize)
    values = carve(plan.widestKeyHeads * plan.valueSize)
    mixed = carve(plan.heads * plan.valueSize)
    place = shared
    let slots = plan.experts?.used ?? 0
    gated = carve(plan.widestFeedForward * max(1, slots))
    gathered = carve(plan.hidden * slots)
    scattered = gathered
    routing = carve(plan.experts?.count ?? 0)
    rotary = plan.ropes.map { [arena] in RotaryTable(plan: $0, batch: batch, arena: arena) }
  }

  /// Batches of fewer tokens leave too little behind to give back.
  private static let wide = 64

  /// A batch of so many tokens begins.
  func begin(tokens: Int) { widest = max(widest, tokens) }

  /// A prompt has been read: until the next one there are few tokens at a time. What the layers worked in
  /// goes back to the system before the answer takes memory of its own.
  func giveBack() {
    guard widest > Self.wide else { return }
    widest = 0
    passing.giveBack()
    secondInput.giveBack()
  }

  /// Floats a token that the two halves of a layer take in turn.
  private static func sharedFloats(_ plan: DecoderConfiguration) -> Int {
    let slots = plan.experts?.used ?? 0
    let attention = (plan.heads + plan.widestKeyHeads) * (plan.keySize + plan.valueSize)
    let feedForward =
      plan.widestFeedForward * max(1, slots) + plan.hidden * slots
      + (plan.experts?.count ?? 0)
    return max(attention, feedForward)
  }

  /// Floats of all of the above.
  static func floats(_ plan: DecoderConfiguration, batch: Int) -> Int {
    let rotary = plan.ropes.reduce(0) { $0 + 2 * $1.pairs }
    return (3 * plan.hidden + sharedFloats(plan) + rotary) * batch
  }
}
