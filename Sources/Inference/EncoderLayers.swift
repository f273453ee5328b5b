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

  /// With the fast kernels this reads every weight once and keeps a 16-bit copy of it.
  ///
  /// - Parameter packed: told after each layer that its floats have been read.
  init(_ weights: EncoderWeights, engine: Engine, packed: (_ layer: Int) -> Void = { _ in }) {
    func dense(_ parts: EncoderWeights.Dense...) -> DenseLayer {
      DenseLayer(
        parts.map { ($0.weight, $0.bias.pointer) }, kernels: engine.kernels, on: engine.pool)
    }
    layers = weights.layers.enumerated().map { index, layer in
      defer { packed(index) }
      return Layer(
        attentionInput: dense(layer.query, layer.key, layer.value),
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
