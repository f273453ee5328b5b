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
  init(_ weights: EncoderWeights, engine: Engine) {
    func dense(_ parts: EncoderWeights.Dense...) -> DenseLayer {
      DenseLayer(
        parts.map { ($0.weight, $0.bias.pointer) }, kernels: engine.kernels, on: engine.pool)
    }
    layers = weights.layers.map {
      Layer(
        attentionInput: dense($0.query, $0.key, $0.value),
        attentionOutput: dense($0.attentionOutput), attentionNorm: $0.attentionNorm,
        up: dense($0.up), down: dense($0.down), norm: $0.norm)
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
