import CKernels
import Tensors

/// A product, the kernel that does it, and how its rows are cut into chunks. Threads read it while a job
/// runs: nothing in it has references to count.
struct BoundProduct {
  private let product: ck_product
  private let kernel:
    @convention(c) (UnsafePointer<ck_product>?, Int, Int, UnsafeMutableRawPointer?) -> Void
  private let rowsPerChunk: Int
  let chunks: Int
  /// Bytes of memory the kernel works in; a multiple of 64.
  let scratchBytes: Int

  /// - Parameter mostRows: of a chunk; a multiple of 32.
  init(_ p: MatrixProduct, engine: Engine, mostRows: Int = .max) {
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
    scratchBytes = Self.scratchBytes(columns: w.columns)
    rowsPerChunk = min(
      mostRows, Self.rowsPerChunk(w, tokens: p.tokens.count, threads: engine.pool.threads))
    chunks = (w.rows + rowsPerChunk - 1) / rowsPerChunk
  }

  static func scratchBytes(columns: Int) -> Int { (ck_scratch_bytes(columns) + 63) / 64 * 64 }

  /// A multiple of 32 rows: enough work to be worth taking (about 16 KiB of weights, or one panel),
  /// few enough that all threads end together (eight chunks a thread where there are that many rows).
  private static func rowsPerChunk(_ w: WeightMatrix, tokens: Int, threads: Int) -> Int {
    let panel = 32
    if threads == 1 { return w.rows }
    let worth = tokens > 8 ? panel : max(panel, 16384 / max(1, w.rowBytes) / panel * panel)
    let fair = min(w.rows / (threads * 8), 256) / panel * panel
    return max(worth, fair)
  }

  var tokens: Int { product.tokens }

  /// The most rows of a chunk.
  var widestChunk: Int { min(rowsPerChunk, product.rows) }

  func rows(ofChunk chunk: Int) -> Range<Int> {
    let begin = chunk * rowsPerChunk
    return begin..<min(begin + rowsPerChunk, product.rows)
  }

  func run(_ rows: Range<Int>, scratch: UnsafeMutableRawPointer) {
    withUnsafePointer(to: product) { kernel($0, rows.lowerBound, rows.upperBound, scratch) }
  }

  /// The same, but results go to `out`: [tokens][rows].
  func run(
    _ rows: Range<Int>, into out: UnsafeMutablePointer<Float>, scratch: UnsafeMutableRawPointer
  ) {
    var part = product
    part.weights += rows.lowerBound * part.row_bytes
    part.rows = rows.count
    part.bias? += rows.lowerBound
    part.out = out
    part.out_stride = rows.count
    kernel(&part, 0, rows.count, scratch)
  }
}
