// A dense layer of a network that is evaluated a block of tokens at a time.

import CKernels
import Tensors

/// out = weights · x + bias for a block of tokens, computed by the thread that asks for it.
///
/// A token's result depends on its activations alone, never on the block it is in.
package struct DenseLayer: Sendable {
  package let rows: Int
  package let columns: Int
  private let form: Form
  /// [rows]
  private let bias: FloatBuffer

  private enum Form: Sendable {
    /// Weights and activations as bytes.
    case integer(Int8Weights, Int8Kernels)
    /// Both as they are: the reference path.
    case float([WeightMatrix], KernelTable)
  }

  /// A matrix and its bias.
  package struct Part {
    let weights: WeightMatrix
    let bias: UnsafePointer<Float>
    let isFiner: Bool

    /// - Parameters:
    ///   - bias: [rows]
    ///   - isFiner: whether the fast kernels keep 16 bits of each weight, for twice the work.
    package init(_ weights: WeightMatrix, bias: UnsafePointer<Float>, isFiner: Bool = false) {
      self.weights = weights
      self.bias = bias
      self.isFiner = isFiner
    }
  }

  /// The rows of all `parts`, one matrix below the other, with their biases.
  ///
  /// The fast kernels get a copy of the weights in bytes, made here on the pool's threads.
  package init(
    _ parts: [Part], kernels: KernelChoice,
    on pool: WorkerPool, integer: Int8Kernels = .best, vectors: VectorKernels = .best,
    table: KernelTable = .best
  ) {
    let weights = parts.map(\.weights)
    rows = weights.reduce(0) { $0 + $1.rows }
    columns = weights.first?.columns ?? 0
    bias = FloatBuffer(count: rows)
    var row = 0
    for part in parts {
      (bias.pointer + row).update(from: part.bias, count: part.weights.rows)
      row += part.weights.rows
    }
    form =
      kernels == .fast
      ? .integer(
        Int8Weights(weights, finer: Self.finerRows(parts), on: pool, vectors: vectors), integer)
      : .float(weights, table)
  }

  /// From the first row of the first finer part to the last of the last.
  private static func finerRows(_ parts: [Part]) -> Range<Int> {
    var finer: Range<Int>?
    var row = 0
    for part in parts {
      if part.isFiner { finer = (finer?.lowerBound ?? row)..<row + part.weights.rows }
      row += part.weights.rows
    }
    return finer ?? 0..<0
  }

  /// Bytes of memory of its own.
  package var byteCount: Int {
    let biasBytes = rows * MemoryLayout<Float>.stride
    guard case .integer(let weights, _) = form else { return biasBytes }
    return weights.byteCount + biasBytes
  }

  /// Bytes of scratch memory for blocks of so many tokens.
  package func scratchBytes(tokens: Int) -> Int {
    switch form {
    case .integer(let weights, _): weights.scratchBytes(tokens: tokens)
    case .float: ck_scratch_bytes(columns)
    }
  }

  /// - Parameters:
  ///   - x: [tokens][columns]
  ///   - out: [tokens][rows]
  ///   - scratch: `scratchBytes(tokens:)` bytes, 64-byte aligned.
  package func apply(
    _ x: UnsafePointer<Float>, tokens: Int, into out: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutableRawPointer
  ) {
    switch form {
    case .integer(let weights, let kernels):
      weights.multiply(
        x, tokens: tokens, bias: bias.pointer, into: out, stride: rows, scratch: scratch,
        kernels: kernels)
    case .float(let parts, let table):
      var first = 0
      for part in parts {
        var product = ck_product(
          weights: part.pointer, row_bytes: part.rowBytes, rows: part.rows, columns: columns,
          type: Int32(part.type.rawValue), x: x, planes: 1, x_stride: columns, tokens: tokens,
          out: out + first, out_stride: rows, bias: bias.pointer + first)
        table.functions.pointee.multiply_f32(&product, 0, part.rows, scratch)
        first += part.rows
      }
    }
  }
}
