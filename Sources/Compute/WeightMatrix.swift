// Weights as the products see them.

import CKernels
import Storage
import Tensors

/// A matrix of weights, or a stack of equally shaped ones, in the file's own layout.
///
/// A value is a view: slicing rows or an expert copies nothing and keeps the file mapped.
package struct WeightMatrix: Sendable {
  /// Rows of one matrix: outputs of a product.
  package let rows: Int
  /// Inputs of a product: weights in a row.
  package let columns: Int
  /// Matrices in the stack; 1 for a plain matrix.
  package let experts: Int
  package let type: ElementType
  /// [experts][rows][columns], `rowBytes` from row to row.
  package nonisolated(unsafe) let pointer: UnsafeRawPointer
  package let rowBytes: Int
  /// Keeps the bytes alive.
  private let owner: any AnyObject & Sendable

  /// The matrix (or vector: one row) or stack of matrices a tensor holds.
  /// Throws when its type cannot be computed with or it has no dimension or no elements.
  package init(_ tensor: Tensor) throws(ComputeError) {
    guard ck_format_elements(Int32(clamping: tensor.type.rawValue)) == tensor.type.blockElements
    else {
      throw ComputeError(
        .unsupportedType, "type \(tensor.type.name) is not one of weights", subject: tensor.name)
    }
    guard let base = tensor.bytes.baseAddress, !tensor.shape.isEmpty, tensor.elementCount > 0 else {
      throw ComputeError(
        .badShape, "expected a matrix, found shape \(tensor.shape)", subject: tensor.name)
    }
    let experts = tensor.shape.dropLast(2).reduce(1, *)
    self.init(
      pointer: base, rows: tensor.rows / experts, columns: tensor.columns, experts: experts,
      type: tensor.type, owner: tensor.file)
  }

  /// A view of bytes that `owner` keeps alive: [experts][rows][columns] of `type`, rows packed.
  package init(
    pointer: UnsafeRawPointer, rows: Int, columns: Int, experts: Int = 1, type: ElementType,
    owner: any AnyObject & Sendable
  ) {
    precondition(columns % type.blockElements == 0, "rows are whole blocks")
    self.pointer = pointer
    self.rows = rows
    self.columns = columns
    self.experts = experts
    self.type = type
    self.rowBytes = columns / type.blockElements * type.blockBytes
    self.owner = owner
  }

  /// The file whose mapping the bytes lie in, if they do.
  var file: MappedFile? { owner as? MappedFile }

  /// Rows `range` of a plain matrix.
  package func rows(_ range: Range<Int>) -> WeightMatrix {
    precondition(experts == 1 && range.lowerBound >= 0 && range.upperBound <= rows)
    return WeightMatrix(
      pointer: pointer + range.lowerBound * rowBytes, rows: range.count, columns: columns,
      type: type, owner: owner)
  }

  /// Matrix `index` of a stack.
  package func expert(_ index: Int) -> WeightMatrix {
    precondition(index >= 0 && index < experts)
    return WeightMatrix(
      pointer: pointer + index * rows * rowBytes, rows: rows, columns: columns, type: type,
      owner: owner)
  }

  /// Bytes of all its weights.
  package var byteCount: Int { experts * rows * rowBytes }

  /// True for the block formats, which the fast kernels multiply with int8 activations.
  package var isQuantized: Bool { ck_format_is_quantized(Int32(type.rawValue)) == 1 }
}
