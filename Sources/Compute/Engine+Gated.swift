// The first half of a feed-forward layer: two products, their activation, and its rounding, in one go.

import CKernels

/// One gated pair of products among several that are run at once:
/// out[t][r] = activation(gate[r] · x[t] + gateBias[r]) · (up[r] · x[t] + upBias[r])
/// for the tokens t of `input`, with the activation's own way of taking biases.
package struct GatedProduct {
  package var gate: WeightMatrix
  /// Of the same shape.
  package var up: WeightMatrix
  package var input: PreparedInput
  /// Which tokens of the input, counted from its first.
  package var tokens: Range<Int>
  /// Which token of the output the first of these becomes.
  package var place: Int
  /// [rows]
  package var gateBias: UnsafePointer<Float>?
  package var upBias: UnsafePointer<Float>?

  /// `tokens`: all by default.
  package init(
    gate: WeightMatrix, up: WeightMatrix, _ input: PreparedInput, tokens: Range<Int>? = nil,
    place: Int = 0, gateBias: UnsafePointer<Float>? = nil, upBias: UnsafePointer<Float>? = nil
  ) {
    self.gate = gate
    self.up = up
    self.input = input
    self.tokens = tokens ?? 0..<input.tokens
    self.place = place
    self.gateBias = gateBias
    self.upBias = upBias
  }
}

extension Engine {
  /// Gated pairs in one go, made ready in `output` for the product that reads them. A chunk's results
  /// go from its products to the blocks of `output` while they are in the thread's cache; neither side
  /// is ever in memory as a whole.
  ///
  /// - Parameters:
  ///   - products: of equal rows; together they give every token of the output.
  ///   - tokens: of the output.
  ///   - precision: of the output, as for `prepare`.
  ///   - floats: [tokens][rows], where the output is also left as floats for a product that reads them
  ///     (`readsFloats`); `nil` where none does.
  package func multiplyGated(
    _ products: [GatedProduct], _ activation: Activation, tokens: Int,
    into output: PreparedInput, precision: ActivationPrecision = .int8,
    floats: UnsafeMutablePointer<Float>?, vectors: VectorKernels
  ) {
    guard let columns = products.first?.gate.rows, tokens > 0 else { return }
    output.reset(
      floats, tokens: tokens, columns: columns, precision: precision, quantized: kernels == .fast)
    let blocks = kernels == .fast ? output.blockWriter(table.functions) : nil
    withUnsafeTemporaryAllocation(of: PlannedGate.self, capacity: products.count) { plan in
      var count = 0
      var chunks = 0
      var scratchBytes = 0
      for product in products where !product.tokens.isEmpty {
        precondition(product.gate.rows == columns && product.up.rows == columns)
        let planned = PlannedGate(product, engine: self, firstChunk: chunks)
        plan.initializeElement(at: count, to: planned)
        count += 1
        chunks += planned.gate.chunks
        scratchBytes = max(scratchBytes, planned.scratchBytes)
      }
      guard let products = plan.baseAddress else { return }
      let job = GatedJob(
        products: products, count: count, scratch: scratch, scratchBytes: scratchBytes,
        activation: activation, vectors: vectors, columns: columns, blocks: blocks, floats: floats)
      withUnsafePointer(to: job) { job in
        pool.run(chunks: chunks, context: job) { context, chunk, thread in
          context.assumingMemoryBound(to: GatedJob.self).pointee.run(chunk, thread: thread)
        }
      }
    }
    // A token's columns came from several chunks.
    guard let blocks, blocks.hasToFinish else { return }
    let perChunk = max(1, 65_536 / max(1, columns))
    pool.run(chunks: (tokens + perChunk - 1) / perChunk) { chunk in
      for token in chunk * perChunk..<min(tokens, (chunk + 1) * perChunk) {
        blocks.finish(token: token)
      }
    }
  }

  /// Whether a product with these weights reads its activations as floats, not as blocks.
  package func readsFloats(_ w: WeightMatrix) -> Bool { kernels == .exact || !w.isQuantized }
}

/// What the threads of a job read; nothing in it has references to count.
private struct GatedJob {
  let products: UnsafePointer<PlannedGate>
  let count: Int
  let scratch: UnsafeMutablePointer<ThreadScratch>
  let scratchBytes: Int
  let activation: Activation
  let vectors: VectorKernels
  let columns: Int
  let blocks: BlockWriter?
  let floats: UnsafeMutablePointer<Float>?

  init(
    products: UnsafeMutablePointer<PlannedGate>, count: Int,
    scratch: UnsafeMutablePointer<ThreadScratch>, scratchBytes: Int, activation: Activation,
    vectors: VectorKernels, columns: Int, blocks: BlockWriter?,
    floats: UnsafeMutablePointer<Float>?
  ) {
    self.products = UnsafePointer(products)
    self.count = count
    self.scratch = scratch
    self.scratchBytes = scratchBytes
    self.activation = activation
    self.vectors = vectors
    self.columns = columns
    self.blocks = blocks
    self.floats = floats
  }

  func run(_ chunk: Int, thread: Int) {
    var index = 0
    while index + 1 < count, products[index + 1].firstChunk <= chunk { index += 1 }
    let product = products[index]
    let rows = product.gate.rows(ofChunk: chunk - product.firstChunk)
    let size = product.gate.tokens * rows.count
    let memory = scratch[thread].pointer(bytes: scratchBytes)
    let gate = (memory + product.kernelBytes).bindMemory(to: Float.self, capacity: 2 * size)
    let up = gate + size
    product.gate.run(rows, into: gate, scratch: memory)
    product.up.run(rows, into: up, scratch: memory)
    product.activate(activation, gate, up: up, rows: rows, vectors)
    for token in 0..<product.gate.tokens {
      let line = gate + token * rows.count
      blocks?.write(line, token: product.place + token, columns: rows)
      if let floats {
        (floats + (product.place + token) * columns + rows.lowerBound)
          .update(from: line, count: rows.count)
      }
    }
  }
}

/// A gated pair among those of a job.
private struct PlannedGate {
  let gate: BoundProduct
  let up: BoundProduct
  let firstChunk: Int
  let place: Int
  private let gateBias: UnsafePointer<Float>?
  private let upBias: UnsafePointer<Float>?

  init(_ p: GatedProduct, engine: Engine, firstChunk: Int) {
    // Both sides of a chunk stay in the second-level cache.
    let mostRows = p.tokens.count > 8 ? 32 : 256
    // Where results go is said for each chunk.
    let nowhere = UnsafeMutablePointer<Float>(bitPattern: 64)!
    func bound(_ w: WeightMatrix) -> BoundProduct {
      BoundProduct(
        MatrixProduct(w, p.input, tokens: p.tokens, into: nowhere), engine: engine,
        mostRows: mostRows)
    }
    gate = bound(p.gate)
    up = bound(p.up)
    self.firstChunk = firstChunk
    place = p.place
    gateBias = p.gateBias
    upBias = p.upBias
  }

  var kernelBytes: Int { max(gate.scratchBytes, up.scratchBytes) }

  /// What both kernels work in, and the two sides of a chunk.
  var scratchBytes: Int {
    kernelBytes + 2 * gate.tokens * gate.widestChunk * MemoryLayout<Float>.stride
  }

  /// gate and up: [tokens][rows]
  func activate(
    _ activation: Activation, _ gate: UnsafeMutablePointer<Float>,
    up: UnsafeMutablePointer<Float>, rows: Range<Int>, _ vectors: VectorKernels
  ) {
    if gateBias == nil, upBias == nil {
      vectors.gate(activation, gate, up: up, count: self.gate.tokens * rows.count)
      return
    }
    for token in 0..<self.gate.tokens {
      vectors.gate(
        activation, gate + token * rows.count, up: up + token * rows.count, count: rows.count,
        gateBias: gateBias.map { $0 + rows.lowerBound }, upBias: upBias.map { $0 + rows.lowerBound }
      )
    }
  }
}
