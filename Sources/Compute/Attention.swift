import CKernels

/// Attention of a batch of query tokens over one layer's cache.
///
/// Work is cut by key/value head and by blocks of query rows; for a single token over many keys also
/// by segments of keys. The kernels are defined so that no cut changes a bit (attention_body.h).
package struct Attention: @unchecked Sendable {
  package let kernels: VectorKernels
  package let heads: Int
  package let keyHeads: Int
  package let scale: Float
  /// Keys a token sees, itself included; 0: all before it.
  package let window: Int
  /// One extra score for each query head, or `nil`.
  package let sinks: UnsafePointer<Float>?

  package init(
    kernels: VectorKernels, heads: Int, keyHeads: Int, scale: Float, window: Int,
    sinks: UnsafePointer<Float>?
  ) {
    self.kernels = kernels
    self.heads = heads
    self.keyHeads = keyHeads
    self.scale = scale
    self.window = window
    self.sinks = sinks
  }

  /// Room for the parts of a token's attention over segments.
  package final class Scratch: @unchecked Sendable {
    let states: UnsafeMutablePointer<ck_softmax_state>
    let sums: UnsafeMutablePointer<Float>
    let segments: Int

    /// For contexts up to `positions`, `heads` query heads and values of `valueSize`.
    package init(positions: Int, heads: Int, valueSize: Int) {
      segments = positions / Attention.segmentKeys + 2
      let stride = (valueSize + 15) / 16 * 16
      states = .allocate(capacity: segments * heads)
      sums = .allocate(capacity: segments * heads * stride)
    }

    /// Bytes of all of it.
    package static func byteCount(positions: Int, heads: Int, valueSize: Int) -> Int {
      let stride = (valueSize + 15) / 16 * 16
      return (positions / Attention.segmentKeys + 2) * heads
        * (stride * MemoryLayout<Float>.stride + MemoryLayout<ck_softmax_state>.stride)
    }

    deinit {
      states.deallocate()
      sums.deallocate()
    }
  }

  static let segmentKeys = Int(CK_TILE * CK_SEGMENT_TILES)
  /// Fewer multiply-adds than this are not worth waking another thread.
  static let smallWork = 60_000

  /// - queries: [tokens][heads][keySize]; out: [tokens][heads][valueSize].
  /// - position: of the first token; the cache already holds the keys up to the last token.
  package func attend(
    _ cache: KeyValueCache, queries: UnsafePointer<Float>, tokens: Int, position: Int,
    into out: UnsafeMutablePointer<Float>, scratch: Scratch, pool: WorkerPool
  ) {
    let seen = window > 0 ? min(window, position + tokens) : position + tokens
    let work = tokens * heads * seen * (cache.keySize + cache.valueSize)
    if tokens == 1 {
      attendOne(
        cache, queries: queries, position: position, into: out, scratch: scratch, pool: pool,
        alone: work < Self.smallWork || pool.threads == 1)
      return
    }
    let group = heads / keyHeads
    var perBlock = max(1, Int(CK_ATTEND_ROWS) / group)
    while perBlock > 1 && keyHeads * ((tokens + perBlock - 1) / perBlock) < 4 * pool.threads {
      perBlock = (perBlock + 1) / 2
    }
    let blocks = (tokens + perBlock - 1) / perBlock
    pool.run(chunks: keyHeads * blocks) { chunk in
      // Later blocks see more keys: start with them, so that the last chunks are short.
      let block = blocks - 1 - chunk / keyHeads
      let keyHead = chunk % keyHeads
      let first = block * perBlock
      let count = min(perBlock, tokens - first)
      attendRows(
        cache, keyHead: keyHead, queries: queries + first * heads * cache.keySize, tokens: count,
        position: position + first, into: out + first * heads * cache.valueSize)
    }
  }

  /// `tokens` query tokens of one key/value head; groups larger than a block go in parts.
  private func attendRows(
    _ cache: KeyValueCache, keyHead: Int, queries: UnsafePointer<Float>, tokens: Int,
    position: Int, into out: UnsafeMutablePointer<Float>
  ) {
    let group = heads / keyHeads
    var head = cache.head(keyHead, scale: scale)
    let limit = Int(CK_ATTEND_ROWS)
    var part = 0
    while part < group {
      let width = min(limit, group - part)
      var rows = rows(
        keyHead: keyHead, part: part, width: width, cache: cache, queries: queries, tokens: tokens,
        position: position)
      let first = (keyHead * group + part) * cache.valueSize
      kernels.table.attend(&head, &rows, out + first, heads * cache.valueSize)
      part += width
    }
  }

  private func rows(
    keyHead: Int, part: Int, width: Int, cache: KeyValueCache, queries: UnsafePointer<Float>,
    tokens: Int, position: Int
  ) -> ck_query_rows {
    let head = keyHead * (heads / keyHeads) + part
    return ck_query_rows(
      queries: queries + head * cache.keySize, token_stride: heads * cache.keySize,
      group: Int32(width), rows: Int32(width * tokens), position: Int32(position),
      window: Int32(window), length: 0, sinks: sinks.map { $0 + head })
  }

  private func attendOne(
    _ cache: KeyValueCache, queries: UnsafePointer<Float>, position: Int,
    into out: UnsafeMutablePointer<Float>, scratch: Scratch, pool: WorkerPool, alone: Bool
  ) {
    let group = heads / keyHeads
    if alone {
      for keyHead in 0..<keyHeads {
        attendRows(
          cache, keyHead: keyHead, queries: queries, tokens: 1, position: position, into: out)
      }
      return
    }
    let first = window > 0 ? max(0, position - window + 1) : 0
    let firstSegment = first / Self.segmentKeys
    let segments = position / Self.segmentKeys - firstSegment + 1
    if segments == 1 || keyHeads >= 4 * pool.threads || group > Int(CK_ATTEND_ROWS) {
      pool.run(chunks: keyHeads) { keyHead in
        attendRows(
          cache, keyHead: keyHead, queries: queries, tokens: 1, position: position, into: out)
      }
      return
    }
    let stride = cache.valueStride
    pool.run(chunks: keyHeads * segments) { chunk in
      let keyHead = chunk % keyHeads
      let segment = chunk / keyHeads
      var head = cache.head(keyHead, scale: scale)
      var rows = rows(
        keyHead: keyHead, part: 0, width: group, cache: cache, queries: queries, tokens: 1,
        position: position)
      let slot = segment * heads + keyHead * group
      kernels.table.attend_segment(
        &head, &rows, Int32(firstSegment + segment), scratch.states + slot,
        scratch.sums + slot * stride)
    }
    for head in 0..<heads {
      kernels.table.merge(
        scratch.states + head, heads, scratch.sums + head * stride, heads * stride,
        Int32(segments), sinks.map { $0 + head }, out + head * cache.valueSize,
        Int32(cache.valueSize), Int32(stride))
    }
  }
}
