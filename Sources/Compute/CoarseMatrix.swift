import CKernels
import Tensors

/// A matrix in four bits a weight, which says how large the products of the full one can be.
///
/// Each weight is rounded with dither (`ck_coarse.h`), so that its error is evenly distributed and
/// independent of all others. What such errors add up to in a product is taken to stay within 9.4 standard
/// deviations, which they miss with a probability of 2⁻⁶⁴ for a row and a vector. To be sure of the worst
/// direction (Cauchy and Schwarz) would take √columns of them: one and a half more bits for each weight.
///
/// It answers which rows can have the largest products with a vector, so that the full matrix need be
/// read for the few only that this leaves open (`Engine.multiply` of rows). Writing a token asks for the
/// likeliest tokens of a vocabulary; the matrix of a small model's vocabulary is most of its weights, and
/// half of its bits rule all but a few dozen rows out.
package final class CoarseMatrix: Sendable {
  package let rows: Int
  package let columns: Int
  /// [tiles][tileBytes]; rows past the last are zero.
  private let memory: PageMemory
  /// 7.5 + dither, [columns]
  private let offsets: FloatBuffer
  /// What vectors have in common, of length 1 (or 0), [columns]. A product's part in this direction is
  /// known for each row: only the rest of a vector is multiplied, and what is shorter has smaller errors.
  private let common: FloatBuffer

  /// Bytes for a matrix of so many rows and columns.
  package static func byteCount(rows: Int, columns: Int) -> Int {
    tiles(rows: rows) * ck_coarse_tile_bytes(columns) + 2 * columns * MemoryLayout<Float>.stride
  }

  /// Rows that lie together.
  package static let tileRows = Int(CK_COARSE_ROWS)

  /// How many times `tileRows` there are.
  package static func tiles(rows: Int) -> Int { (rows + tileRows - 1) / tileRows }

  /// Whether a matrix of this type can have one.
  package static func isPossible(_ type: ElementType) -> Bool { type == .q8_0 }

  /// Reads all rows once.
  ///
  /// - Parameter typical: vectors like those that will come, [columns] each. They say what is common to
  ///   them; nothing else depends on them.
  /// - Returns: nil without memory for it, or where the engine multiplies with floats.
  package init?(
    _ full: MatrixRows, typical: [UnsafeBufferPointer<Float>], engine: Engine,
    kernels: VectorKernels = .best
  ) {
    let w = full.weights
    guard engine.kernels == .fast, w.experts == 1, Self.isPossible(w.type) else { return nil }
    let tileBytes = ck_coarse_tile_bytes(w.columns)
    guard
      let memory = PageMemory(
        byteCount: Self.tiles(rows: w.rows) * tileBytes, hugePages: true)
    else { return nil }
    let offsets = Self.offsets(columns: w.columns)
    let common = Self.common(typical, columns: w.columns)
    let perChunk = max(1, 65_536 / max(1, w.rowBytes) / Self.tileRows) * Self.tileRows
    engine.pool.run(chunks: (w.rows + perChunk - 1) / perChunk) { chunk, thread in
      let rows = chunk * perChunk..<min(w.rows, (chunk + 1) * perChunk)
      let place = engine.scratch[thread].pointer(bytes: perChunk * w.rowBytes)
      let bytes = full.bytes(rows, place).assumingMemoryBound(to: UInt8.self)
      for row in rows {
        let tile = memory.pointer + row / Self.tileRows * tileBytes
        let squares = kernels.table.coarsen(
          bytes + (row - rows.lowerBound) * w.rowBytes, w.columns, offsets.pointer,
          common.pointer, tile.assumingMemoryBound(to: ck_coarse_block.self), row % Self.tileRows)
        let sizes =
          Self.shared(of: tile, columns: w.columns) + MemoryLayout<ck_coarse_rows>.offset(
            of: \.size)!
        // The sum of squares is a float too.
        sizes.assumingMemoryBound(to: Float.self)[row % Self.tileRows] =
          Float(Double(squares).squareRoot() * 1.0001)
      }
    }
    self.memory = memory
    self.offsets = offsets
    self.common = common
    rows = w.rows
    columns = w.columns
  }

  /// Where the ck_coarse_rows of a tile are.
  private static func shared(of tile: UnsafeMutableRawPointer, columns: Int)
    -> UnsafeMutableRawPointer
  {
    tile + columns / Int(CK_BLOCK) * MemoryLayout<ck_coarse_block>.stride
  }

  /// out[t * rows + r]: what full[r] · y[t] stays below, as the engine computes it; NaN where nothing is
  /// known. tops[t * tiles + r / tileRows]: the largest of what the products of those rows most likely are.
  ///
  /// - Parameters:
  ///   - y: what the full rows are multiplied with.
  ///   - precision: of what the coarse ones are multiplied with.
  ///   - input: memory for that.
  package func upperBounds(
    of y: PreparedInput, precision: ActivationPrecision, in input: PreparedInput,
    into out: UnsafeMutablePointer<Float>, tops: UnsafeMutablePointer<Float>, engine: Engine
  ) {
    precondition(y.columns == columns && y !== input && engine.kernels == .fast)
    guard y.tokens > 0 else { return }
    var known: [ck_coarse_token] = []
    var terms: [ck_coarse_term] = []
    let vectors = (0..<y.tokens).map { y.rounded(token: $0) }
    let along = vectors.map { self.along($0) }
    let rests = zip(vectors, along).flatMap { rest($0, along: $1) }
    rests.withUnsafeBufferPointer { rests in
      engine.prepare(
        rests.baseAddress!, tokens: y.tokens, columns: columns, into: input, precision: precision)
    }
    for token in 0..<y.tokens {
      let x = input.rounded(token: token)
      terms += self.terms(x)
      let slack = slack(x, along: along[token], of: vectors[token])
      known.append(ck_coarse_token(along: along[token], slack: slack))
    }
    terms.withUnsafeBufferPointer { terms in
      known.withUnsafeBufferPointer { known in
        multiply(
          ck_coarse_product(
            tiles: UnsafeRawPointer(memory.pointer).assumingMemoryBound(to: UInt8.self), rows: rows,
            columns: columns, x: input.blocks(ofToken: 0), planes: Int32(input.planes),
            x_stride: input.blocksPerToken, tokens: y.tokens, terms: terms.baseAddress,
            known: known.baseAddress, out: out, out_stride: rows, tops: tops), engine)
      }
    }
  }

  /// The mean of vectors, of length 1; zeros where it says nothing.
  private static func common(_ vectors: [UnsafeBufferPointer<Float>], columns: Int) -> FloatBuffer {
    let common = FloatBuffer(count: columns)
    let sums = (0..<columns).map { column in vectors.reduce(0) { $0 + Double($1[column]) } }
    let length = sums.reduce(0) { $0 + $1 * $1 }.squareRoot()
    guard length > 0, length.isFinite else { return common }
    for column in 0..<columns { common.pointer[column] = Float(sums[column] / length) }
    return common
  }

  private func along(_ x: [Float]) -> Float {
    Float(zip(x, common.buffer).reduce(0.0) { $0 + Double($1.0) * Double($1.1) })
  }

  private func rest(_ x: [Float], along: Float) -> [Float] {
    zip(x, common.buffer).map { $0 - along * $1 }
  }

  private func multiply(_ product: ck_coarse_product, _ engine: Engine) {
    let perChunk = max(1, 131_072 / ck_coarse_tile_bytes(columns)) * Self.tileRows
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
    let place = row % Self.tileRows
    let tile = memory.pointer + row / Self.tileRows * ck_coarse_tile_bytes(columns)
    let step = Self.shared(of: tile, columns: columns).assumingMemoryBound(to: Float.self)[place]
    let blocks = tile.assumingMemoryBound(to: ck_coarse_block.self)
    return (0..<columns / Int(CK_BLOCK)).flatMap { index in
      var levels = [UInt8](repeating: 0, count: Int(CK_BLOCK))
      ck_coarse_levels_ref(blocks + index, place, &levels)
      let scale = withUnsafeBytes(of: blocks[index].scale) { Float($0[place]) * step }
      return levels.enumerated().map { column, level in
        scale * (Float(level) - offsets.pointer[index * Int(CK_BLOCK) + column])
      }
    }
  }

  /// 7.5 and the dither of each column: SplitMix64 (Steele, Lea and Flood 2014) of its number.
  private static func offsets(columns: Int) -> FloatBuffer {
    let offsets = FloatBuffer(count: columns)
    for column in 0..<columns {
      var bits = UInt64(column + 1) &* 0x9e37_79b9_7f4a_7c15
      bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
      bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
      bits ^= bits >> 31
      offsets.pointer[column] = 7 + (Float(bits >> 44) + 0.5) * 0x1p-20
    }
    return offsets
  }

  /// c of ck_coarse.h, for a probability of 2⁻⁶⁴. A ten-thousandth more is for what rounding adds to the
  /// errors and to their sum.
  private static let reach = (64 * 0.693_147_2 / 6).squareRoot() * 1.0001

  /// - Parameter x: rounded activations of a token.
  private func terms(_ x: [Float]) -> [ck_coarse_term] {
    let block = Int(CK_BLOCK)
    return (0..<columns / block).map { index in
      var (shift, squares) = (0.0, 0.0)
      for column in index * block..<(index + 1) * block {
        let value = Double(x[column])
        shift -= value * Double(offsets.pointer[column])
        squares += value * value
      }
      return ck_coarse_term(
        shift: Float(shift), spread: Float(Self.reach * Self.reach * squares))
    }
  }

  /// What a product can differ by for each unit of the row's length besides the error of weights: what
  /// was not multiplied of the activations, and rounding in the kernels, of which no sum in ck_matmul.h and
  /// ck_coarse.h is longer than two fused steps for each 32 columns and a few more.
  ///
  /// The sums of coarse products pass through larger numbers than they end with: up to
  /// 23 · step · scale · Σ |x| of a block, and that is √32 · |x| at most. A scale is at most the block's
  /// largest weight, over 7.5, and a 255th of the row's largest.
  ///
  /// - Parameters:
  ///   - x: what the coarse rows are multiplied with.
  ///   - along: what is added in the common direction.
  ///   - y: what the full rows are multiplied with.
  private func slack(_ x: [Float], along: Float, of y: [Float]) -> Float {
    let rounding = (Double(columns) / 16 + 16) * 0x1p-24
    let blocks = Double(columns / Int(CK_BLOCK))
    let largest = 131 * (0.134 + blocks.squareRoot() / 1900)
    var (left, whole, multiplied) = (0.0, 0.0, 0.0)
    for column in 0..<columns {
      let (x, y) = (Double(x[column]), Double(y[column]))
      let difference = y - x - Double(along) * Double(common.pointer[column])
      left += difference * difference
      whole += y * y
      multiplied += x * x
    }
    let rounded = whole.squareRoot() + largest * multiplied.squareRoot() + Double(abs(along))
    return Float((left.squareRoot() + rounding * rounded) * 1.0001)
  }
}
