import Compute

/// The layers of an encoder in the form its kernels read.
final class EncoderLayers: Sendable {
  let layers: [Layer]

  struct Layer: Sendable {
    /// Queries, keys and values in one: 3 · hidden rows.
    let attentionInput: DenseLayer
    let attentionOutput: DenseLayer
    let attentionNorm: EncoderWeights.Norm
    let up: DenseLayer
    let down: DenseLayer
    let norm: EncoderWeights.Norm
  }

  /// With the fast kernels this reads every weight once and keeps a copy of it in bytes.
  ///
  /// - Parameter packed: told after each layer that its floats have been read.
  init(_ weights: EncoderWeights, engine: Engine, packed: (_ layer: Int) -> Void = { _ in }) {
    func dense(_ parts: EncoderWeights.Dense..., finer: Int? = nil) -> DenseLayer {
      DenseLayer(
        parts.enumerated().map {
          DenseLayer.Part($1.weight, bias: $1.bias.pointer, isFiner: $0 == finer)
        }, kernels: engine.kernels, on: engine.pool)
    }
    layers = weights.layers.enumerated().map { index, layer in
      defer { packed(index) }
      return Layer(
        // Attention takes means of values, in which the errors of activations go away and those of
        // weights do not: with MiniLM two fifths of what weights in bytes cost came from these.
        attentionInput: dense(layer.query, layer.key, layer.value, finer: 2),
        attentionOutput: dense(layer.attentionOutput), attentionNorm: layer.attentionNorm,
        up: dense(layer.up), down: dense(layer.down), norm: layer.norm)
    }
  }

  var dense: [DenseLayer] {
    layers.flatMap { [$0.attentionInput, $0.attentionOutput, $0.up, $0.down] }
  }

  /// Bytes of the copies.
  var byteCount: Int { dense.reduce(0) { $0 + $1.byteCount } }

  /// Bytes of scratch memory for blocks of so many tokens.
  func scratchBytes(tokens: Int) -> Int {
    dense.reduce(0) { max($0, $1.scratchBytes(tokens: tokens)) }
  }
}
