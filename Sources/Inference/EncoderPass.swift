import Compute
import Tokenization

/// The forward pass of an encoder over a batch of sequences, laid end to end without padding.
final class EncoderPass {
  /// Tokens evaluated together, unless one sequence is longer.
  static let batchTokens = 1024

  /// The most tokens of a batch.
  let batch: Int
  private let plan: EncoderConfiguration
  private let weights: EncoderWeights
  private let engine: Engine
  private let kernels = VectorKernels.best
  private let arena = Arena()
  /// [token][hidden]
  private let stream: UnsafeMutablePointer<Float>
  private let queries: UnsafeMutablePointer<Float>
  private let keys: UnsafeMutablePointer<Float>
  private let values: UnsafeMutablePointer<Float>
  private let mixed: UnsafeMutablePointer<Float>
  /// [token][feedForward]
  private let wide: UnsafeMutablePointer<Float>
  private let input = PreparedInput()
  /// Keys and values of one head of one sequence, for each thread.
  private let caches: [KeyValueCache]
  private let attention: SequenceAttention
  /// Where each sequence begins in the batch; one more than there are.
  private var starts: [Int] = []

  init(_ model: EncoderModel, engine: Engine, batch: Int) {
    plan = model.configuration
    weights = model.weights
    self.engine = engine
    self.batch = batch
    let hidden = plan.hidden
    stream = arena.floats(batch * hidden)
    queries = arena.floats(batch * hidden)
    keys = arena.floats(batch * hidden)
    values = arena.floats(batch * hidden)
    mixed = arena.floats(batch * hidden)
    wide = arena.floats(batch * plan.feedForward)
    let size = plan.headSize
    let longest = min(batch, plan.maximumTokens)
    caches = (0..<engine.pool.threads).compactMap { _ in
      KeyValueCache(heads: 1, keySize: size, valueSize: size, positions: longest, element: .f32)
    }
    attention = SequenceAttention(
      kernels: kernels, size: size, stride: hidden, scale: 1 / Float(size).squareRoot())
  }

  /// Evaluates sequences of together at most `batch` tokens.
  func run(_ sequences: [[TokenID]]) {
    embed(sequences)
    guard let tokens = starts.last, tokens > 0 else { return }
    for layer in weights.layers {
      attend(layer, tokens)
      feedForward(layer, tokens)
    }
  }

  private func embed(_ sequences: [[TokenID]]) {
    starts = [0]
    var row = 0
    for sequence in sequences {
      for (position, token) in sequence.enumerated() {
        let line = stream + row * plan.hidden
        engine.dequantizeRow(weights.words, row: Int(token), into: line)
        engine.dequantizeRow(weights.positions, row: position, into: mixed)
        kernels.add(mixed, to: line, count: plan.hidden)
        kernels.add(weights.types.pointer, to: line, count: plan.hidden)
        norm(line, weights.embeddingNorm)
        row += 1
      }
      starts.append(row)
    }
  }

  private func norm(_ line: UnsafeMutablePointer<Float>, _ norm: EncoderWeights.Norm) {
    kernels.layerNorm(
      line, weight: norm.weight.pointer, bias: norm.bias.pointer, into: line, count: plan.hidden,
      epsilon: plan.normEpsilon)
  }

  private func forRows(_ count: Int, floatsPerRow: Int, _ body: (Int) -> Void) {
    let perChunk = max(1, 16_384 / floatsPerRow)
    guard count > perChunk else {
      for row in 0..<count { body(row) }
      return
    }
    engine.pool.run(chunks: (count + perChunk - 1) / perChunk) { chunk in
      for row in chunk * perChunk..<min(count, (chunk + 1) * perChunk) { body(row) }
    }
  }

  private func product(
    _ dense: EncoderWeights.Dense, into out: UnsafeMutablePointer<Float>
  ) -> MatrixProduct {
    MatrixProduct(dense.weight, input, into: out, bias: dense.bias.pointer)
  }

  /// stream = norm(stream + change)
  private func join(
    _ change: UnsafeMutablePointer<Float>, _ tokens: Int, _ norm: EncoderWeights.Norm
  ) {
    let hidden = plan.hidden
    forRows(tokens, floatsPerRow: 3 * hidden) { row in
      kernels.add(change + row * hidden, to: stream + row * hidden, count: hidden)
      self.norm(stream + row * hidden, norm)
    }
  }

  private func attend(_ layer: EncoderWeights.Layer, _ tokens: Int) {
    let hidden = plan.hidden
    engine.prepare(stream, tokens: tokens, columns: hidden, into: input)
    engine.multiply([
      product(layer.query, into: queries), product(layer.key, into: keys),
      product(layer.value, into: values),
    ])
    // Every token sees all of its sequence and nothing else. Long sequences come last in a batch;
    // begin with them.
    let sequences = starts.count - 1
    let heads = plan.heads
    engine.pool.run(chunks: sequences * heads) { chunk, thread in
      let sequence = sequences - 1 - chunk / heads
      let first = starts[sequence]
      let offset = first * hidden + chunk % heads * plan.headSize
      attention.attend(
        caches[thread], queries: queries + offset, keys: keys + offset, values: values + offset,
        count: starts[sequence + 1] - first, into: mixed + offset)
    }
    engine.prepare(mixed, tokens: tokens, columns: hidden, into: input)
    engine.multiply(CollectionOfOne(product(layer.attentionOutput, into: queries)))
    join(queries, tokens, layer.attentionNorm)
  }

  private func feedForward(_ layer: EncoderWeights.Layer, _ tokens: Int) {
    engine.prepare(stream, tokens: tokens, columns: plan.hidden, into: input)
    engine.multiply(CollectionOfOne(product(layer.up, into: wide)))
    forRows(tokens, floatsPerRow: 4 * plan.feedForward) { row in
      kernels.geluErf(wide + row * plan.feedForward, count: plan.feedForward)
    }
    engine.prepare(wide, tokens: tokens, columns: plan.feedForward, into: input)
    engine.multiply(CollectionOfOne(product(layer.down, into: queries)))
    join(queries, tokens, layer.norm)
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
