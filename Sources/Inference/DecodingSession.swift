import Compute
import Tokenization

/// One timeline of a decoder: the keys and values of the tokens so far, and what the logits after the
/// last are made of. It is the only thing that changes while a model runs; one owner at a time.
///
/// It is *synced* to a full sequence of tokens: what the sequence shares with the one before is kept,
/// the rest is evaluated. The logits of a sequence are the same bits however it came about: from how
/// many batches, with how many threads, after whatever was there before.
package final class DecodingSession {
  package let model: DecoderModel
  package let engine: Engine
  /// The most tokens the timeline holds.
  package let context: Int
  /// What the cache holds.
  package internal(set) var tokens: [TokenID] = []
  /// Whether `logits` are those after the last of `tokens`.
  package internal(set) var hasLogits = false {
    didSet { if !hasLogits { pending.rows = 0..<0 } }
  }

  let plan: DecoderConfiguration
  let weights: DecoderWeights
  let kernels: VectorKernels
  let precision: ActivationPrecision
  let caches: [KeyValueCache]
  let attention: [Attention]
  let attentionScratch: Attention.Scratch
  let buffers: SessionBuffers
  let routes: ExpertRoutes?
  var pending: PendingOutput
  /// Whether logits near the highest may be looked for without the others.
  var isScreening: Bool
  /// What the coarse output matrix is multiplied with.
  let coarseInput = PreparedInput()
  /// One more than the highest position written since the timeline was last empty. Rings have lost
  /// what lies a ring before it.
  var written = 0
  /// For each layer, the first tile its ring holds if it was restored from a checkpoint.
  var oldestTile: [Int]
  /// What the rings held where a next prompt may part from the latest ones.
  var checkpoints: RingCheckpoints

  /// - Parameters:
  ///   - context: tokens to hold at most; memory is taken as it fills.
  ///   - batch: tokens evaluated at once, by default as the configuration says.
  ///   - precision: of a layer's activations, by default as the configuration says.
  ///   - cache: how keys and values are kept: in 16 bits, but as floats for the exact kernels.
  ///   - screening: look for the likeliest tokens with a coarse output matrix (`OutputScreen`); by default
  ///     where the vocabulary is large enough.
  package init(
    model: DecoderModel, engine: Engine, context: Int, batch: Int? = nil,
    precision: ActivationPrecision? = nil, cache: CacheElement? = nil,
    kernels: VectorKernels = .best,
    screening: Bool? = nil
  ) throws {
    let plan = model.configuration
    let batch = min(batch ?? plan.batch, context)
    guard batch > 0 else {
      throw InferenceError(
        .contextExceeded, "expected a context of at least one token, found \(context)",
        path: model.path)
    }
    self.model = model
    self.engine = engine
    self.context = context
    self.kernels = kernels
    self.plan = plan
    self.precision = precision ?? plan.activationPrecision
    let weights = model.weights
    self.weights = weights
    let element = cache ?? (engine.kernels == .exact ? .f32 : .q16)
    caches = try plan.layers.map { layer in
      let cache = KeyValueCache(
        heads: layer.keyHeads, keySize: plan.keySize, valueSize: plan.valueSize,
        positions: plan.positions(of: layer, context: context, batch: batch), element: element)
      guard let cache else {
        throw InferenceError(
          .outOfMemory, "no address space for the keys and values of \(context) tokens",
          path: model.path)
      }
      return cache
    }
    oldestTile = plan.layers.map { _ in 0 }
    checkpoints = RingCheckpoints(
      count: RingCheckpoint.count(caches, layers: plan.layers, context: context))
    attention = zip(plan.layers, weights.layers).map { layer, bound in
      Attention(
        kernels: kernels, heads: plan.heads, keyHeads: layer.keyHeads,
        scale: plan.attentionScale, window: layer.window, sinks: bound.weights.sinks?.pointer)
    }
    attentionScratch = Attention.Scratch(
      positions: context, heads: plan.heads, valueSize: plan.valueSize)
    buffers = SessionBuffers(plan, batch: batch)
    routes = plan.experts.map { ExpertRoutes($0, batch: batch) }
    pending = PendingOutput(vocabulary: plan.vocabulary, rows: 1)
    isScreening =
      (screening ?? model.isScreened(engine.kernels)) && engine.kernels == .fast
      && plan.logitCap == 0
  }

  /// Takes all memory that filling the context would take, without changing what is held.
  package func touchCaches() {
    for cache in caches { cache.touch() }
  }

  /// What a sync did, in tokens.
  package struct SyncResult: Sendable, Equatable {
    /// Kept from before.
    package var reused: Int
    package var evaluated: Int
    /// Whether `progress` stopped it; the timeline then holds what was evaluated so far.
    package var cancelled: Bool

    package init(reused: Int, evaluated: Int, cancelled: Bool) {
      self.reused = reused
      self.evaluated = evaluated
      self.cancelled = cancelled
    }
  }

  /// Makes the timeline hold exactly `wanted`; the logits after its last token can then be asked for.
  ///
  /// - Parameters:
  ///   - borders: places in it where a next prompt may part from it, the most important first:
  ///     windowed layers can go back there later. A few are kept.
  ///   - progress: told how many of the new tokens are done; false stops the work, which takes at
  ///     most the time of half a layer of one batch.
  @discardableResult
  package func sync(
    to wanted: [TokenID], borders: [Int] = [],
    progress: (_ done: Int, _ total: Int) -> Bool = { _, _ in true }
  ) throws -> SyncResult {
    try check(wanted, after: 0)
    let shared = zip(tokens, wanted).prefix { $0 == $1 }.count
    if shared == wanted.count, shared == tokens.count, hasLogits {
      return SyncResult(reused: shared, evaluated: 0, cancelled: false)
    }
    guard !wanted.isEmpty else {
      truncate(to: 0)
      return SyncResult(reused: 0, evaluated: 0, cancelled: false)
    }
    // The last token is evaluated again if need be: its logits are wanted.
    truncate(to: min(shared, wanted.count - 1))
    let reused = tokens.count
    let total = wanted.count - reused
    let missing = checkpoints.begin(borders: borders, count: wanted.count)
    for border in missing where border <= reused { saveCheckpoint(at: border, isBorder: true) }
    while tokens.count < wanted.count {
      let first = tokens.count
      let end = min(first + buffers.batch, wanted.count)
      let done = first - reused
      let finished = forward(
        wanted[first..<end], outputs: end == wanted.count ? .last : .none
      ) { part, parts in
        progress(done + (end - first) * part / parts, total)
      }
      guard finished else {
        return SyncResult(reused: reused, evaluated: done, cancelled: true)
      }
      // The rings still hold all that was seen from anywhere in the batch.
      for border in missing where border > first && border <= end {
        saveCheckpoint(at: border, isBorder: true)
      }
    }
    saveCheckpoint(at: tokens.count, isBorder: false)
    _ = progress(total, total)
    return SyncResult(reused: reused, evaluated: total, cancelled: false)
  }

  /// Appends one token; the logits after it are computed when they are asked for.
  package func advance(_ token: TokenID) throws {
    try withUnsafePointer(to: token) { _ in try check(CollectionOfOne(token), after: tokens.count) }
    _ = forward(CollectionOfOne(token), outputs: .last) { _, _ in true }
  }

  func prepare(
    _ x: UnsafePointer<Float>, tokens: Int, columns: Int, into input: PreparedInput
  ) {
    engine.prepare(x, tokens: tokens, columns: columns, into: input, precision: precision)
  }

  func check(_ new: some Collection<TokenID>, after count: Int) throws(InferenceError) {
    guard count + new.count <= context else {
      throw InferenceError(
        .contextExceeded,
        "\(count + new.count) tokens do not fit in a context of \(context)", path: model.path)
    }
    for token in new where token < 0 || Int(token) >= plan.vocabulary {
      throw InferenceError(
        .badToken, "token \(token) is outside the vocabulary of \(plan.vocabulary)",
        path: model.path)
    }
  }

  enum Outputs { case none, last, all }

  /// Evaluates tokens after those held. False when `proceed` stopped it: nothing is appended then.
  func forward(
    _ new: some Collection<TokenID>, outputs: Outputs, proceed: (_ part: Int, _ parts: Int) -> Bool
  ) -> Bool {
    let first = tokens.count
    hasLogits = false
    written = max(written, first + new.count)
    buffers.begin(tokens: new.count)
    embed(new)
    for table in buffers.rotary { table.fill(first: first, count: new.count) }
    let layers = plan.layers.count
    // A few more than the last, where they are to show what such vectors are like.
    let lasts = isScreening && !model.hasScreen ? PendingOutput.sampled : 1
    let last = max(0, new.count - lasts)..<new.count
    for index in 0..<layers {
      // Of the last layer only what is asked for is computed, besides keys and values.
      let rows: Range<Int> =
        switch outputs {
        case _ where index < layers - 1: 0..<new.count
        case .all: 0..<new.count
        case .last: last
        case .none: 0..<0
        }
      attend(layer: index, tokens: new.count, position: first, rows: rows)
      guard proceed(2 * index + 1, 2 * layers) else { return false }
      if !rows.isEmpty { feedForward(layer: index, rows: rows) }
      guard proceed(2 * index + 2, 2 * layers) else { return false }
    }
    tokens.append(contentsOf: new)
    if outputs == .last {
      expect(new.count - 1..<new.count)
      pending.sample = last
      hasLogits = true
      buffers.giveBack()
    }
    return true
  }
}
