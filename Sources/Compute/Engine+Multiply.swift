// Matrix products: preparing activations, cutting products into chunks of rows, running them.

import CKernels
import Tensors

/// One product among several that are run at once:
/// out[t * stride + r] = weights[r] · input[tokens.lowerBound + t] + bias[r].
package struct MatrixProduct {
  package var weights: WeightMatrix
  package var input: PreparedInput
  /// Which tokens of the input, counted from its first.
  package var tokens: Range<Int>
  /// Where the first of these tokens' results go.
  package var out: UnsafeMutablePointer<Float>
  /// Floats from one token's results to the next's.
  package var stride: Int
  /// [rows], added last.
  package var bias: UnsafePointer<Float>?

  /// `tokens`: all by default; `stride`: the weights' rows by default.
  package init(
    _ weights: WeightMatrix, _ input: PreparedInput, tokens: Range<Int>? = nil,
    into out: UnsafeMutablePointer<Float>, stride: Int? = nil, bias: UnsafePointer<Float>? = nil
  ) {
    self.weights = weights
    self.input = input
    self.tokens = tokens ?? 0..<input.tokens
    self.out = out
    self.stride = stride ?? weights.rows
    self.bias = bias
  }
}

extension Engine {
  /// Makes activations x[tokens][columns] ready. `x` must stay unchanged while `input` is in use.
  ///
  /// - Parameter precision: of the rounded activations; it makes no difference to the exact kernels.
  package func prepare(
    _ x: UnsafePointer<Float>, tokens: Int, columns: Int, into input: PreparedInput,
    precision: ActivationPrecision = .int8
  ) {
    input.reset(
      x, tokens: tokens, columns: columns, precision: precision, quantized: kernels == .fast)
    guard kernels == .fast, tokens > 0 else { return }
    let tokensPerChunk = max(1, 16384 / max(1, columns))
    let chunks = (tokens + tokensPerChunk - 1) / tokensPerChunk
    guard let blocks = input.blockWriter(table.functions) else { return }
    func run(_ chunk: Int) {
      for token in chunk * tokensPerChunk..<min(tokens, (chunk + 1) * tokensPerChunk) {
        blocks.write(x + token * columns, token: token, columns: 0..<columns)
        blocks.finish(token: token)
      }
    }
    if chunks <= 2 {
      for chunk in 0..<chunks { run(chunk) }
    } else {
      pool.run(chunks: chunks, run)
    }
  }

  /// out[t * stride + r] = w[r] · x[t] + bias[r]; `stride` is `w.rows` when not given.
  package func multiply(
    _ w: WeightMatrix, _ x: PreparedInput, into out: UnsafeMutablePointer<Float>,
    stride: Int? = nil, bias: UnsafePointer<Float>? = nil
  ) {
    let product = MatrixProduct(w, x, into: out, stride: stride, bias: bias)
    withUnsafePointer(to: product) { multiply(UnsafeBufferPointer(start: $0, count: 1)) }
  }

  /// Several matrices (query, key and value; gate and up) with the same activations in one go.
  package func multiply(
    _ ws: [WeightMatrix], _ x: PreparedInput, into outs: [UnsafeMutablePointer<Float>]
  ) {
    precondition(ws.count == outs.count)
    multiply(zip(ws, outs).map { MatrixProduct($0, x, into: $1) })
  }

  /// Any products in one go: none may read what another writes.
  package func multiply(_ products: [MatrixProduct]) {
    products.withUnsafeBufferPointer { multiply($0) }
  }

  private func multiply(_ products: UnsafeBufferPointer<MatrixProduct>) {
    withUnsafeTemporaryAllocation(of: PlannedProduct.self, capacity: products.count) { plan in
      var count = 0
      var chunks = 0
      var scratchBytes = 0
      for product in products where !product.tokens.isEmpty && product.weights.rows > 0 {
        let bound = BoundProduct(product, engine: self)
        plan.initializeElement(at: count, to: PlannedProduct(product: bound, firstChunk: chunks))
        count += 1
        chunks += bound.chunks
        scratchBytes = max(scratchBytes, bound.scratchBytes)
      }
      guard count > 0, let products = plan.baseAddress else { return }
      let job = ProductJob(
        products: products, count: count, scratch: scratch, scratchBytes: scratchBytes)
      withUnsafePointer(to: job) { job in
        pool.run(chunks: chunks, context: job) { context, chunk, thread in
          context.assumingMemoryBound(to: ProductJob.self).pointee.run(chunk, thread: thread)
        }
      }
    }
  }

  /// The floats of one row (of an embedding table).
  package func dequantizeRow(
    _ w: WeightMatrix, row: Int, into out: UnsafeMutablePointer<Float>
  ) {
    precondition(row >= 0 && row < w.rows * w.experts)
    table.functions.pointee.dequantize_row(
      Int32(w.type.rawValue), w.pointer + row * w.rowBytes, w.columns, out)
  }
}

/// What the threads of a job read; nothing in it has references to count.
private struct ProductJob {
  let products: UnsafePointer<PlannedProduct>
  let count: Int
  let scratch: UnsafeMutablePointer<ThreadScratch>
  let scratchBytes: Int

  init(
    products: UnsafeMutablePointer<PlannedProduct>, count: Int,
    scratch: UnsafeMutablePointer<ThreadScratch>, scratchBytes: Int
  ) {
    self.products = UnsafePointer(products)
    self.count = count
    self.scratch = scratch
    self.scratchBytes = scratchBytes
  }

  func run(_ chunk: Int, thread: Int) {
    var index = 0
    while index + 1 < count, products[index + 1].firstChunk <= chunk { index += 1 }
    let planned = products[index]
    planned.product.run(
      planned.product.rows(ofChunk: chunk - planned.firstChunk),
      scratch: scratch[thread].pointer(bytes: scratchBytes))
  }
}

/// A product among those of a job.
private struct PlannedProduct {
  let product: BoundProduct
  let firstChunk: Int
}
