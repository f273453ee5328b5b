import CKernels

/// Attention within one sequence, without order: every token sees all of it.
package struct SequenceAttention: Sendable {
  private let kernels: VectorKernels
  private let size: Int
  private let stride: Int
  private let outStride: Int
  private let scale: Float

  /// - Parameters:
  ///   - size: elements of a head.
  ///   - stride: floats from one token to the next in queries, keys and values.
  ///   - outStride: the same in the results.
  package init(kernels: VectorKernels, size: Int, stride: Int, outStride: Int, scale: Float) {
    self.kernels = kernels
    self.size = size
    self.stride = stride
    self.outStride = outStride
    self.scale = scale
  }

  /// One head of `count` tokens; the pointers are at its first element of the first token.
  /// - Parameter cache: of one head, with room for `count` positions; overwritten.
  package func attend(
    _ cache: KeyValueCache, queries: UnsafePointer<Float>, keys: UnsafePointer<Float>,
    values: UnsafePointer<Float>, count: Int, into out: UnsafeMutablePointer<Float>
  ) {
    cache.store(
      head: 0, count: count, keys: keys, values: values, stride: stride, kernels: kernels)
    var head = cache.head(0, scale: scale)
    let limit = Int(CK_ATTEND_ROWS)
    var first = 0
    while first < count {
      let rows = min(limit, count - first)
      var block = ck_query_rows(
        queries: queries + first * stride, token_stride: stride, group: 1, rows: Int32(rows),
        position: 0, window: 0, length: Int32(count), sinks: nil)
      kernels.table.attend(&head, &block, out + first * outStride, outStride)
      first += rows
    }
  }
}
