import Compute

extension DecodingSession {
  /// projected[rows] = Σ over a token's experts of share · expert(normed). `buffers.input` holds the
  /// prepared norm of the rows.
  ///
  /// Tokens are grouped by expert, so that each expert's weights are read once for the batch. A
  /// token's sum goes by rank, whatever batch it is in.
  func mixExperts(
    _ w: BoundLayer, router: WeightMatrix, routes: ExpertRoutes, rows: Range<Int>
  ) {
    let b = buffers
    let hidden = plan.hidden
    let wide = w.weights.gate.rows
    let used = routes.plan.used
    let offset = rows.lowerBound * hidden
    engine.multiply(router, b.input, into: b.routing, bias: w.weights.routerBias?.pointer)
    routes.route(b.routing, count: rows.count, kernels: kernels)
    let slots = 0..<rows.count * used

    // A single token's experts share one input; otherwise every row gets a copy in sorted order.
    let single = rows.count == 1
    if !single {
      forRows(slots, floatsPerRow: 2 * hidden) { part in
        for row in part {
          let token = Int(routes.tokens[row])
          (b.gathered + row * hidden).update(
            from: b.normed + offset + token * hidden, count: hidden)
        }
      }
      prepare(b.gathered, tokens: slots.count, columns: hidden, into: b.input)
    }
    var gates: [GatedProduct] = []
    for expert in 0..<routes.plan.count {
      let range = routes.starts[expert]..<routes.starts[expert + 1]
      guard !range.isEmpty else { continue }
      gates.append(
        GatedProduct(
          gate: w.weights.gate.expert(expert), up: w.weights.up.expert(expert), b.input,
          tokens: single ? 0..<1 : range, place: range.lowerBound,
          gateBias: w.weights.gateBias.map { $0.pointer + expert * wide },
          upBias: w.weights.upBias.map { $0.pointer + expert * wide }))
    }
    gate(gates, rows: slots.count, for: w.weights.down)

    var products: [MatrixProduct] = []
    for expert in 0..<routes.plan.count {
      let range = routes.starts[expert]..<routes.starts[expert + 1]
      guard !range.isEmpty else { continue }
      products.append(
        MatrixProduct(
          w.weights.down.expert(expert), b.secondInput, tokens: range,
          into: b.scattered + range.lowerBound * hidden,
          bias: w.weights.downBias.map { $0.pointer + expert * hidden }))
    }
    engine.multiply(products)

    forRows(0..<rows.count, floatsPerRow: (used + 1) * hidden) { part in
      for row in part {
        let out = b.projected + offset + row * hidden
        out.update(repeating: 0, count: hidden)
        for rank in 0..<used {
          let slot = row * used + rank
          kernels.add(
            b.scattered + Int(routes.places[slot]) * hidden, times: routes.shares[slot], to: out,
            count: hidden)
        }
      }
    }
  }
}
