import Compute
import Tokenization

/// The forward pass of an encoder over a batch of sequences, laid end to end without padding.
///
/// All but attention looks at one token at a time. So a layer is two jobs: attention, cut by sequence
/// and head, and everything else, cut into blocks of tokens that one thread takes from the end of one
/// layer's attention to the queries of the next, in its own cache.
final class EncoderPass {
  /// Tokens evaluated together, unless one sequence is longer.
  static let batchTokens = 2048
  /// The most tokens of a block: their activations lie in the second-level cache.
  private static let blockTokens = 96
  /// Blocks are not cut smaller to give every thread one: each reads all the weights.
  private static let smallBlock = 24

  /// The most tokens of a batch.
  let batch: Int
  private let plan: EncoderConfiguration
  private let weights: EncoderWeights
  private let layers: [EncoderLayers.Layer]
  private let engine: Engine
  private let kernels = VectorKernels.best
  private let arena = Arena()
  /// [token][hidden]
  private let stream: UnsafeMutablePointer<Float>
  private let mixed: UnsafeMutablePointer<Float>
  /// [token][queries, keys, values][hidden]
  private let projected: UnsafeMutablePointer<Float>
  /// Keys and values of one head of one sequence, for each thread.
  private let caches: [KeyValueCache]
  private let rooms: [Room]
  private let attention: SequenceAttention
  /// Where each sequence begins in the batch; one more than there are.
  private var starts: [Int] = []
  /// Of each token of the batch.
  private var ids: [TokenID] = []
  private var positions: [Int] = []

  /// What a thread works in while it has a block.
  private struct Room {
    /// [token][hidden]
    let change: UnsafeMutablePointer<Float>
    /// [token][feedForward]
    let wide: UnsafeMutablePointer<Float>
    let scratch: UnsafeMutableRawPointer
  }

  init(_ model: EncoderModel, layers: EncoderLayers, engine: Engine, batch: Int) {
    plan = model.configuration
    weights = model.weights
    self.layers = layers.layers
    self.engine = engine
    self.batch = batch
    let hidden = plan.hidden
    stream = arena.floats(batch * hidden)
    mixed = arena.floats(batch * hidden)
    projected = arena.floats(batch * 3 * hidden)
    let block = min(batch, Self.blockTokens)
    let bytes = layers.scratchBytes(tokens: block)
    rooms = (0..<engine.pool.threads).map { [arena, plan] _ in
      Room(
        change: arena.floats(block * hidden), wide: arena.floats(block * plan.feedForward),
        scratch: UnsafeMutableRawPointer(arena.floats(bytes / MemoryLayout<Float>.stride + 1)))
    }
    let size = plan.headSize
    let longest = min(batch, plan.maximumTokens)
    caches = (0..<engine.pool.threads).compactMap { _ in
      KeyValueCache(heads: 1, keySize: size, valueSize: size, positions: longest, element: .f32)
    }
    attention = SequenceAttention(
      kernels: kernels, size: size, stride: 3 * hidden, outStride: hidden,
      scale: 1 / Float(size).squareRoot())
  }

  /// Bytes of the above for batches of `batch` tokens, with the copy of the weights in bytes.
  static func byteCount(_ plan: EncoderConfiguration, batch: Int, threads: Int) -> Int {
    let (hidden, wide) = (plan.hidden, plan.feedForward)
    let float = MemoryLayout<Float>.stride
    // The second is what is kept of values besides.
    let shapes = [
      (3 * hidden, hidden), (hidden, hidden), (hidden, hidden), (wide, hidden), (hidden, wide),
    ]
    let copies = shapes.reduce(0) {
      $0 + Int8Weights.byteCount(rows: $1.0, columns: $1.1) + $1.0 * float
    }
    let block = min(batch, blockTokens)
    let room =
      block * (hidden + wide) * float
      + Int8Weights.scratchBytes(tokens: block, columns: max(hidden, wide))
    let cache = KeyValueCache.byteCount(
      heads: 1, keySize: plan.headSize, valueSize: plan.headSize,
      positions: min(batch, plan.maximumTokens), element: .f32)
    return plan.layers * copies + batch * 5 * hidden * float + threads * (room + cache)
  }

  /// Evaluates sequences of together at most `batch` tokens.
  func run(_ sequences: [[TokenID]]) {
    starts = [0]
    ids = []
    positions = []
    for sequence in sequences {
      ids += sequence
      positions += sequence.indices
      starts.append(ids.count)
    }
    guard !ids.isEmpty else { return }
    for index in 0...layers.count {
      if index > 0 { attend() }
      forBlocks { tokens, room in
        if index == 0 { embed(tokens, room) } else { finish(layers[index - 1], tokens, room) }
        guard index < layers.count else { return }
        layers[index].attentionInput.apply(
          stream + tokens.lowerBound * plan.hidden, tokens: tokens.count,
          into: projected + tokens.lowerBound * 3 * plan.hidden, scratch: room.scratch)
      }
    }
  }

  /// Cuts the batch into blocks of like size, at least one for each thread if they are not too small.
  private func forBlocks(_ body: (Range<Int>, Room) -> Void) {
    let tokens = ids.count
    let blocks = max(
      (tokens + Self.blockTokens - 1) / Self.blockTokens,
      min(engine.pool.threads, (tokens + Self.smallBlock - 1) / Self.smallBlock))
    engine.pool.run(chunks: blocks) { block, thread in
      body(tokens * block / blocks..<tokens * (block + 1) / blocks, rooms[thread])
    }
  }

  private func embed(_ tokens: Range<Int>, _ room: Room) {
    for token in tokens {
      let line = stream + token * plan.hidden
      engine.dequantizeRow(weights.words, row: Int(ids[token]), into: line)
      engine.dequantizeRow(weights.positions, row: positions[token], into: room.change)
      kernels.add(room.change, to: line, count: plan.hidden)
      kernels.add(weights.types.pointer, to: line, count: plan.hidden)
      norm(line, weights.embeddingNorm)
    }
  }

  private func norm(_ line: UnsafeMutablePointer<Float>, _ norm: EncoderWeights.Norm) {
    kernels.layerNorm(
      line, weight: norm.weight.pointer, bias: norm.bias.pointer, into: line, count: plan.hidden,
      epsilon: plan.normEpsilon)
  }

  /// mixed = attention: every token sees all of its sequence and nothing else.
  private func attend() {
    let hidden = plan.hidden
    let sequences = starts.count - 1
    let heads = plan.heads
    // Long sequences come last in a batch; begin with them.
    engine.pool.run(chunks: sequences * heads) { chunk, thread in
      let sequence = sequences - 1 - chunk / heads
      let first = starts[sequence]
      let offset = chunk % heads * plan.headSize
      let queries = projected + first * 3 * hidden + offset
      attention.attend(
        caches[thread], queries: queries, keys: queries + hidden, values: queries + 2 * hidden,
        count: starts[sequence + 1] - first, into: mixed + first * hidden + offset)
    }
  }

  /// A layer after its attention.
  private func finish(_ layer: EncoderLayers.Layer, _ tokens: Range<Int>, _ room: Room) {
    let hidden = plan.hidden
    let lines = stream + tokens.lowerBound * hidden
    let count = tokens.count
    layer.attentionOutput.apply(
      mixed + tokens.lowerBound * hidden, tokens: count, into: room.change, scratch: room.scratch)
    join(room.change, lines, count, layer.attentionNorm)
    layer.up.apply(lines, tokens: count, into: room.wide, scratch: room.scratch)
    kernels.geluErf(room.wide, count: count * plan.feedForward)
    layer.down.apply(room.wide, tokens: count, into: room.change, scratch: room.scratch)
    join(room.change, lines, count, layer.norm)
  }

  /// lines = norm(lines + change)
  private func join(
    _ change: UnsafeMutablePointer<Float>, _ lines: UnsafeMutablePointer<Float>, _ tokens: Int,
    _ norm: EncoderWeights.Norm
  ) {
    for row in 0..<tokens {
      let line = lines + row * plan.hidden
      kernels.add(change + row * plan.hidden, to: line, count: plan.hidden)
      self.norm(line, norm)
    }
  }

  /// The unit vector of a sequence of the last run; zero for an empty one.
  func pool(_ sequence: Int, into out: UnsafeMutablePointer<Float>) {
    let hidden = plan.hidden
    let rows = starts[sequence]..<starts[sequence + 1]
    out.update(repeating: 0, count: hidden)
    switch plan.pooling {
    case .mean: for row in rows { kernels.add(stream + row * hidden, to: out, count: hidden) }
    case .first:
      if let row = rows.first { kernels.add(stream + row * hidden, to: out, count: hidden) }
    }
    // The mean's divisor goes away in the length.
    let length = kernels.dot(out, out, count: hidden).squareRoot()
    if length > 0 { kernels.scale(out, by: 1 / length, count: hidden) }
  }
}
