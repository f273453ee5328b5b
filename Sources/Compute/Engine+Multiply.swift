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
  /// - Parameter planes: bytes of an activation. 2 rounds them to 16 bits instead of 8: weights are
  ///   read and unpacked once all the same, but twice the products are added up. It makes no
  ///   difference to the exact kernels.
  package func prepare(
    _ x: UnsafePointer<Float>, tokens: Int, columns: Int, into input: PreparedInput,
    planes: Int = 1
  ) {
    input.reset(
      x, tokens: tokens, columns: columns, planes: planes, quantized: kernels == .fast)
    guard kernels == .fast, tokens > 0 else { return }
    let tokensPerChunk = max(1, 16384 / max(1, columns))
    let chunks = (tokens + tokensPerChunk - 1) / tokensPerChunk
    func run(_ chunk: Int) {
      for token in chunk * tokensPerChunk..<min(tokens, (chunk + 1) * tokensPerChunk) {
        input.quantize(token: token, columns: 0..<columns, table.functions)
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
    multiply(CollectionOfOne(MatrixProduct(w, x, into: out, stride: stride, bias: bias)))
  }

  /// Several matrices (query, key and value; gate and up) with the same activations in one go.
  package func multiply(
    _ ws: [WeightMatrix], _ x: PreparedInput, into outs: [UnsafeMutablePointer<Float>]
  ) {
    precondition(ws.count == outs.count)
    multiply(zip(ws, outs).map { MatrixProduct($0, x, into: $1) })
  }

  /// Any products in one go: none may read what another writes.
  package func multiply(_ products: some Collection<MatrixProduct>) {
    withUnsafeTemporaryAllocation(of: PlannedProduct.self, capacity: products.count) { plan in
      var count = 0
      var chunks = 0
      var scratchBytes = 0
      for product in products where !product.tokens.isEmpty && product.weights.rows > 0 {
        let planned = PlannedProduct(
          product, engine: self, firstChunk: chunks, of: products.count)
        plan.initializeElement(at: count, to: planned)
        count += 1
        chunks += planned.chunks
        scratchBytes = max(scratchBytes, planned.scratchBytes)
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
    products[index].run(chunk, scratch: scratch[thread].pointer(bytes: scratchBytes))
  }
}

/// A product, its kernel, and how its rows are cut.
private struct PlannedProduct {
  let product: ck_product
  let kernel:
    @convention(c) (UnsafePointer<ck_product>?, Int, Int, UnsafeMutableRawPointer?) -> Void
  let firstChunk: Int
  let rowsPerChunk: Int
  let chunks: Int
  let scratchBytes: Int

  init(_ p: MatrixProduct, engine: Engine, firstChunk: Int, of products: Int) {
    let w = p.weights
    precondition(w.experts == 1, "choose an expert of the stack first")
    precondition(w.columns == p.input.columns, "weights and activations differ in columns")
    precondition(p.tokens.lowerBound >= 0 && p.tokens.upperBound <= p.input.tokens)
    let integer = engine.kernels == .fast && w.isQuantized
    kernel =
      integer
      ? engine.table.functions.pointee.multiply_q8 : engine.table.functions.pointee.multiply_f32
    let stride = integer ? p.input.blocksPerToken : w.columns
    let x =
      integer
      ? p.input.blocks(ofToken: p.tokens.lowerBound)
      : UnsafeRawPointer(p.input.floats! + p.tokens.lowerBound * stride)
    product = ck_product(
      weights: w.pointer, row_bytes: w.rowBytes, rows: w.rows, columns: w.columns,
      type: Int32(w.type.rawValue), x: x, planes: Int32(p.input.planes), x_stride: stride,
      tokens: p.tokens.count, out: p.out, out_stride: p.stride, bias: p.bias)
    scratchBytes = (ck_scratch_bytes(w.columns) + 63) / 64 * 64
    rowsPerChunk = Self.rowsPerChunk(w, tokens: p.tokens.count, threads: engine.pool.threads)
    chunks = (w.rows + rowsPerChunk - 1) / rowsPerChunk
    self.firstChunk = firstChunk
  }

  /// A multiple of 32 rows: enough work to be worth taking (about 16 KiB of weights, or one panel),
  /// few enough that all threads end together (eight chunks a thread where there are that many rows).
  private static func rowsPerChunk(_ w: WeightMatrix, tokens: Int, threads: Int) -> Int {
    let panel = 32
    if threads == 1 { return w.rows }
    let worth = tokens > 8 ? panel : max(panel, 16384 / max(1, w.rowBytes) / panel * panel)
    let fair = min(w.rows / (threads * 8), 256) / panel * panel
    return max(worth, fair)
  }

  func run(_ chunk: Int, scratch: UnsafeMutableRawPointer) {
    let begin = (chunk - firstChunk) * rowsPerChunk
    let end = min(begin + rowsPerChunk, product.rows)
    withUnsafePointer(to: product) { kernel($0, begin, end, scratch) }
  }
}
