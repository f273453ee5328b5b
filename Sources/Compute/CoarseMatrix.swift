import CKernels
import Tensors

/// A matrix in five bits a weight, and how far each of its rows may be from the full one.
///
/// It answers which rows can have the largest products with a vector x: by Cauchy and Schwarz, for any
/// positive factors f of the columns,
///
///     |full[r] · x − coarse[r] · x| <= |f (full[r] − coarse[r])| · |x / f|
///
/// so that the full matrix need be read for the few rows only that this leaves open (`Engine.multiply`
/// of rows). Writing a token asks for the likeliest tokens of a vocabulary; the matrix of a small
/// model's vocabulary is most of its weights, and five of its eight bits rule all but a few dozen rows
/// out.
package final class CoarseMatrix: Sendable {
  package let rows: Int
  package let columns: Int
  /// For each row: what is to be multiplied with `length` of the activations for the most that the product
  /// of `weights` can differ from the full row's, both rounded as the kernels round. Infinite or NaN
  /// where nothing is known.
  package var errors: UnsafeBufferPointer<Float> { UnsafeBufferPointer(errorMemory.buffer) }
  /// ck_coarse_block, [tiles][columns / 32]; rows past the last are zero.
  private let memory: PageMemory
  private let errorMemory: FloatBuffer
  /// f, [columns]
  private let factors: [Float]

  /// Bytes for a matrix of so many rows and columns.
  package static func byteCount(rows: Int, columns: Int) -> Int {
    tiles(rows: rows) * tileBytes(columns: columns) + rows * MemoryLayout<Float>.stride
  }

  private static let tileRows = Int(CK_COARSE_ROWS)

  private static func tiles(rows: Int) -> Int { (rows + tileRows - 1) / tileRows }

  private static func tileBytes(columns: Int) -> Int {
    columns / Int(CK_BLOCK) * MemoryLayout<ck_coarse_block>.stride
  }

  /// Whether a matrix of this type can have one. Fewer than eight bits leave too little out.
  package static func isPossible(_ type: ElementType) -> Bool { type == .q8_0 }

  /// Reads all rows once.
  ///
  /// - Parameter typical: vectors like those that will come, at least one, [columns] each: the better
  ///   they tell which columns are large, the smaller the errors. Nothing else depends on them.
  /// - Returns: nil without memory for it, or where the engine multiplies with floats.
  package init?(
    _ full: MatrixRows, typical: [UnsafeBufferPointer<Float>], engine: Engine,
    kernels: VectorKernels = .best
  ) {
    let w = full.weights
    guard engine.kernels == .fast, w.experts == 1, Self.isPossible(w.type) else { return nil }
    let tileBytes = Self.tileBytes(columns: w.columns)
    guard
      let memory = PageMemory(
        byteCount: Self.tiles(rows: w.rows) * tileBytes, hugePages: true)
    else { return nil }
    let errors = FloatBuffer(count: w.rows)
    let factors = Self.factors(typical, columns: w.columns)
    let roundings = Self.roundings(columns: w.columns)
    let perChunk = max(1, 65_536 / max(1, w.rowBytes) / Self.tileRows) * Self.tileRows
    engine.pool.run(chunks: (w.rows + perChunk - 1) / perChunk) { chunk, thread in
      let rows = chunk * perChunk..<min(w.rows, (chunk + 1) * perChunk)
      let place = engine.scratch[thread].pointer(bytes: perChunk * w.rowBytes)
      let bytes = full.bytes(rows, place).assumingMemoryBound(to: UInt8.self)
      for row in rows {
        var squares: (whole: Float, rest: Float) = (0, 0)
        withUnsafeMutableBytes(of: &squares) {
          kernels.table.coarsen(
            bytes + (row - rows.lowerBound) * w.rowBytes, w.columns, factors,
            (memory.pointer + row / Self.tileRows * tileBytes)
              .assumingMemoryBound(to: ck_coarse_block.self), row % Self.tileRows,
            $0.baseAddress!.assumingMemoryBound(to: Float.self))
        }
        let (whole, rest) = (Double(squares.whole).squareRoot(), Double(squares.rest).squareRoot())
        let error = max(rest, whole / Self.leastPart) + roundings * (2 * whole + rest)
        // The sums of squares are floats too.
        errors.pointer[row] = Float(error * 1.0001)
      }
    }
    self.memory = memory
    self.factors = factors
    errorMemory = errors
    rows = w.rows
    columns = w.columns
  }

  /// out[t * rows + r] = this[r] · x[t].
  package func multiply(
    _ x: PreparedInput, into out: UnsafeMutablePointer<Float>, engine: Engine
  ) {
    precondition(x.columns == columns && engine.kernels == .fast)
    guard x.tokens > 0 else { return }
    let product = ck_product(
      weights: memory.pointer, row_bytes: 0, rows: rows, columns: columns, type: 0,
      x: x.blocks(ofToken: 0), planes: Int32(x.planes), x_stride: x.blocksPerToken,
      tokens: x.tokens, out: out, out_stride: rows, bias: nil)
    let tileBytes = Self.tileBytes(columns: columns)
    let perChunk = max(1, 131_072 / max(1, tileBytes)) * Self.tileRows
    let kernel = engine.table.functions.pointee.multiply_coarse!
    withUnsafePointer(to: product) { product in
      engine.pool.run(chunks: (rows + perChunk - 1) / perChunk) { chunk in
        kernel(product, chunk * perChunk, min((chunk + 1) * perChunk, rows))
      }
    }
  }

  /// The weights of one row.
  package func floats(row: Int) -> [Float] {
    precondition(row >= 0 && row < rows)
    let tile = (memory.pointer + row / Self.tileRows * Self.tileBytes(columns: columns))
      .assumingMemoryBound(to: ck_coarse_block.self)
    return (0..<columns / Int(CK_BLOCK)).flatMap { index in
      var block = ck_weight_block()
      ck_unpack_coarse_ref(tile + index, row % Self.tileRows, &block)
      return withUnsafeBytes(of: block.level) { levels in
        levels.map { block.scale.0 * Float(Int8(bitPattern: $0)) }
      }
    }
  }

  /// The product of both lengths is smallest for f = √|x|. A quarter of the mean is added to the size of
  /// each column, for those that few vectors say little about.
  private static func factors(_ typical: [UnsafeBufferPointer<Float>], columns: Int) -> [Float] {
    var sizes = (0..<columns).map { column in
      let squares = typical.reduce(0.0) { $0 + Double($1[column]) * Double($1[column]) }
      return (squares / Double(max(1, typical.count))).squareRoot()
    }
    let mean = sizes.reduce(0, +) / Double(columns)
    guard mean > 0, mean.isFinite else { return [Float](repeating: 1, count: columns) }
    for column in 0..<columns { sizes[column] = (sizes[column] / mean + 0.25).squareRoot() }
    return sizes.map(Float.init)
  }

  /// What rounding in the kernels can add to a product, in parts of |f w| · |x / f|: no sum in ck_matmul.h
  /// is longer than two fused steps for each 32 columns or one for each 16, and a tree of a few more.
  private static func roundings(columns: Int) -> Double {
    (Double(columns) / 16 + 16) * 0x1p-24
  }

  /// No error is taken for less than a fortieth of its row's length, |f w|, so that forty of it bound that
  /// too. Few rows are nearer than that in five bits.
  private static let leastPart = 40.0

  /// What to multiply `errors` with for one token's activations x, never too small: |x / f|, and more where
  /// the full rows see other activations y, rounded less:
  ///
  ///     |full[r] · y − coarse[r] · x| <= |f (full[r] − coarse[r])| · |x / f| + |f full[r]| · |(y − x) / f|
  ///
  /// - Parameters:
  ///   - x: what `weights` are multiplied with.
  ///   - y: what the full rows are multiplied with.
  package func length(_ x: PreparedInput, beside y: PreparedInput, token: Int) -> Float {
    let coarse = x.rounded(token: token)
    precondition(coarse.count == factors.count)
    var length = length(coarse)
    if y !== x {
      let fine = y.rounded(token: token)
      length += Self.leastPart * self.length(zip(fine, coarse).map { $0 - $1 })
    }
    return Float(length * 1.0001)
  }

  private func length(_ x: [Float]) -> Double {
    zip(x, factors).reduce(0.0) { sum, pair in
      let part = Double(pair.0) / Double(pair.1)
      return sum + part * part
    }.squareRoot()
  }
}
