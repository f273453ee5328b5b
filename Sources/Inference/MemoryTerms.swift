import Compute
import Tensors

/// What a model and one session of it take, in bytes, term by term.
package struct MemoryTerms: Sendable, Equatable {
  /// Weights, in the mapped file; without an output matrix that is screened.
  package var weights: Int
  /// Keys and values once the context is full.
  package var keyValue: Int
  /// Activations of the largest batch, logits, and the coarse output matrix.
  package var scratch: Int
  /// Copies of windowed layers at the ends of the latest prompts.
  package var checkpoints: Int

  package var total: Int { weights + keyValue + scratch + checkpoints }
}

extension DecoderConfiguration {
  /// The most tokens evaluated in one batch. Every matrix is unpacked once a batch, which 256 tokens
  /// outweigh; a mixture of experts deals a batch out among them, and needs more for each to get as many.
  package var batch: Int { experts == nil ? 256 : 512 }

  /// Positions a layer must keep at once in a context: all, or for a window the ring that a batch
  /// of new tokens cannot overrun.
  func positions(of layer: LayerPlan, context: Int, batch: Int) -> Int {
    guard layer.window > 0 else { return context }
    return min(context, layer.window + batch + KeyValueCache.tile)
  }

  /// Bytes of keys and values of a full context.
  package func keyValueBytes(context: Int, element: CacheElement = .q16) -> Int {
    layers.reduce(0) {
      $0
        + KeyValueCache.byteCount(
          heads: $1.keyHeads, keySize: keySize, valueSize: valueSize,
          positions: positions(of: $1, context: context, batch: min(batch, context)),
          element: element)
    }
  }

  /// Bytes of activations for batches of `batch` tokens in a context, and of logits.
  package func scratchBytes(context: Int, batch: Int) -> Int {
    let slots = batch * max(1, experts?.used ?? 1)
    let widest = max(hidden, heads * valueSize)
    // The fast kernels keep activations as int8 blocks besides: what goes into a layer's products,
    // and what goes into the last of the feed-forward part.
    let inputs =
      max(
        PreparedInput.byteCount(tokens: batch, columns: widest, precision: activationPrecision),
        experts == nil
          ? 0
          : PreparedInput.byteCount(tokens: slots, columns: hidden, precision: activationPrecision))
      + PreparedInput.byteCount(
        tokens: slots, columns: widestFeedForward, precision: activationPrecision)
    // A row of logits for each token of a draft and the token before it.
    let logits =
      (vocabulary + CoarseMatrix.tiles(rows: vocabulary)) * (DraftPolicy.longest + 1)
    return (SessionBuffers.floats(self, batch: batch) + logits) * MemoryLayout<Float>.stride
      + inputs
      + Attention.Scratch.byteCount(positions: context, heads: heads, valueSize: valueSize)
  }

  /// Bytes of the copies of windowed layers that a session keeps: at most.
  func checkpointBytes(context: Int, element: CacheElement) -> Int {
    RingCheckpoint.bytes(
      self, context: context, batch: min(batch, context), element: element)
  }

  var widestFeedForward: Int { layers.map(\.feedForward).max() ?? 0 }
  var widestKeyHeads: Int { layers.map(\.keyHeads).max() ?? 0 }

  /// The memory a session of `context` tokens needs, from the header alone.
  ///
  /// - Parameters:
  ///   - output: type and bytes of the output matrix, where it may be screened.
  ///   - isWhole: count the weights too that are hardly looked at.
  package func memory(
    context: Int, weightBytes: Int, output: (type: ElementType, bytes: Int)? = nil,
    isWhole: Bool = false, element: CacheElement = .q16
  ) -> MemoryTerms {
    var terms = MemoryTerms(
      weights: weightBytes, keyValue: keyValueBytes(context: context, element: element),
      scratch: scratchBytes(context: context, batch: min(batch, context)),
      checkpoints: checkpointBytes(context: context, element: element))
    if let output, OutputScreen.isWorthwhile(output.type, self) {
      terms.scratch += CoarseMatrix.byteCount(rows: vocabulary, columns: hidden)
      if !isWhole { terms.weights -= output.bytes }
    }
    return terms
  }
}
