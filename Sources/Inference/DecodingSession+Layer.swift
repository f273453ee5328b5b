import Compute
import Tokenization

// The forward pass, top to bottom. `rows` are the tokens of the batch a step works on; buffers are
// described in SessionBuffers.swift.

extension DecodingSession {
  /// stream = embedding · scale; normed = the first layer's norm of it.
  func embed(_ new: some Collection<TokenID>) {
    for (row, token) in new.enumerated() {
      let line = buffers.stream + row * plan.hidden
      engine.dequantizeRow(model.embeddingRows, row: Int(token), into: line)
      if plan.embeddingScale != 1 {
        kernels.scale(line, by: plan.embeddingScale, count: plan.hidden)
      }
      norm(row, weights.layers[0].weights.attentionNorm)
    }
  }

  func norm(_ row: Int, _ weight: FloatVector) {
    kernels.rmsNorm(
      buffers.stream + row * plan.hidden, weight: weight.pointer,
      into: buffers.normed + row * plan.hidden, count: plan.hidden, epsilon: plan.normEpsilon)
  }

  /// Runs `body` over parts of `rows`, on several threads when there is enough to do.
  func forRows(_ rows: Range<Int>, floatsPerRow: Int, _ body: (Range<Int>) -> Void) {
    let perChunk = max(1, 16_384 / max(1, floatsPerRow))
    guard rows.count > perChunk else { return body(rows) }
    engine.pool.run(chunks: (rows.count + perChunk - 1) / perChunk) { chunk in
      let first = rows.lowerBound + chunk * perChunk
      body(first..<min(first + perChunk, rows.upperBound))
    }
  }

  /// Attention of one layer. Keys and values of all `tokens` enter the cache; for `rows` the result
  /// is added to the stream, and normed becomes the feed-forward layer's norm of that.
  func attend(layer index: Int, tokens: Int, position: Int, rows: Range<Int>) {
    let layer = plan.layers[index]
    let w = weights.layers[index]
    let b = buffers
    let queries = plan.heads * plan.keySize
    let mixed = plan.heads * plan.valueSize
    prepare(b.normed, tokens: tokens, columns: plan.hidden, into: b.input)
    let all = 0..<tokens
    var products = [
      MatrixProduct(
        w.weights.key, b.input, tokens: all, into: b.keys, bias: w.weights.keyBias?.pointer),
      MatrixProduct(
        w.weights.value, b.input, tokens: all, into: b.values, bias: w.weights.valueBias?.pointer),
    ]
    if !rows.isEmpty {
      products.append(
        MatrixProduct(
          w.weights.query, b.input, tokens: rows, into: b.queries + rows.lowerBound * queries,
          bias: w.weights.queryBias?.pointer))
    }
    engine.multiply(products)

    let touched = (plan.heads + layer.keyHeads) * plan.keySize * 4
    forRows(all, floatsPerRow: touched) { part in
      for row in part {
        place(row, layer: index, position: position + row, withQuery: rows.contains(row))
      }
    }
    guard !rows.isEmpty else { return }
    attention[index].attend(
      caches[index], queries: b.queries + rows.lowerBound * queries, tokens: rows.count,
      position: position + rows.lowerBound, into: b.mixed + rows.lowerBound * mixed,
      scratch: attentionScratch, pool: engine.pool)
    prepare(
      b.mixed + rows.lowerBound * mixed, tokens: rows.count, columns: mixed, into: b.input)
    engine.multiply(
      w.weights.attentionOutput, b.input, into: b.projected + rows.lowerBound * plan.hidden,
      bias: w.weights.attentionOutputBias?.pointer)
    join(rows, postNorm: w.weights.attentionPostNorm, nextNorm: w.weights.feedForwardNorm)
  }

  /// One token's heads: norm, rotation, and its place in the cache.
  private func place(_ row: Int, layer index: Int, position: Int, withQuery: Bool) {
    let layer = plan.layers[index]
    let w = weights.layers[index]
    if withQuery {
      turn(
        buffers.queries + row * plan.heads * plan.keySize, heads: plan.heads, row: row,
        norm: w.weights.queryNorm, layer: layer)
      caches[index].turn(
        buffers.queries + row * plan.heads * plan.keySize, rows: plan.heads, areQueries: true,
        kernels: kernels)
    }
    let keys = buffers.keys + row * layer.keyHeads * plan.keySize
    let values = buffers.values + row * layer.keyHeads * plan.valueSize
    turn(keys, heads: layer.keyHeads, row: row, norm: w.weights.keyNorm, layer: layer)
    caches[index].turn(keys, rows: layer.keyHeads, areQueries: false, kernels: kernels)
    for head in 0..<layer.keyHeads {
      caches[index].store(
        head: head, position: position, key: keys + head * plan.keySize,
        value: values + head * plan.valueSize, kernels: kernels)
    }
  }

  private func turn(
    _ x: UnsafeMutablePointer<Float>, heads: Int, row: Int, norm: FloatVector?, layer: LayerPlan
  ) {
    for head in 0..<heads {
      let line = x + head * plan.keySize
      if let norm {
        kernels.rmsNorm(
          line, weight: norm.pointer, into: line, count: plan.keySize, epsilon: plan.normEpsilon)
      }
      if let rope = layer.rope {
        let table = buffers.rotary[rope]
        kernels.rope(
          line, pairing: plan.pairing, cosines: table.cosines(row), sines: table.sines(row),
          pairs: table.pairs)
      }
    }
  }

  /// stream += projected (after its post-norm, if any); normed = nextNorm(stream).
  private func join(_ rows: Range<Int>, postNorm: FloatVector?, nextNorm: FloatVector?) {
    forRows(rows, floatsPerRow: 4 * plan.hidden) { part in
      for row in part {
        let change = buffers.projected + row * plan.hidden
        if let postNorm {
          kernels.rmsNorm(
            change, weight: postNorm.pointer, into: change, count: plan.hidden,
            epsilon: plan.normEpsilon)
        }
        kernels.add(change, to: buffers.stream + row * plan.hidden, count: plan.hidden)
        if let nextNorm { norm(row, nextNorm) }
      }
    }
  }

  /// The feed-forward half of a layer; normed becomes the next layer's norm of the stream.
  func feedForward(layer index: Int, rows: Range<Int>) {
    let w = weights.layers[index]
    let b = buffers
    let offset = rows.lowerBound * plan.hidden
    prepare(b.normed + offset, tokens: rows.count, columns: plan.hidden, into: b.input)
    if let router = w.weights.router, let routes {
      mixExperts(w, router: router, routes: routes, rows: rows)
    } else {
      gate(
        [
          GatedProduct(
            gate: w.weights.gate, up: w.weights.up, b.input, gateBias: w.weights.gateBias?.pointer,
            upBias: w.weights.upBias?.pointer)
        ], rows: rows.count, for: w.weights.down)
      engine.multiply(
        w.weights.down, b.secondInput, into: b.projected + offset, bias: w.weights.downBias?.pointer
      )
    }
    let next = index + 1 < plan.layers.count ? weights.layers[index + 1].weights.attentionNorm : nil
    join(rows, postNorm: w.weights.feedForwardPostNorm, nextNorm: next)
  }

  /// secondInput = the gated products, ready for `down`.
  func gate(_ products: [GatedProduct], rows: Int, for down: WeightMatrix) {
    engine.multiplyGated(
      products, plan.activation, tokens: rows, into: buffers.secondInput,
      precision: precision, floats: engine.readsFloats(down) ? buffers.gated : nil,
      vectors: kernels)
  }
}
