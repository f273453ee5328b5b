import Compute
import Tensors

/// The weights of a BERT encoder, bound by their names in Hugging Face checkpoints.
struct EncoderWeights: Sendable {
  /// [vocabulary, hidden], [positions, hidden], [1 or more, hidden]
  let words: WeightMatrix
  let positions: WeightMatrix
  let types: FloatVector
  let embeddingNorm: Norm
  let layers: [Layer]

  struct Norm: Sendable {
    let weight: FloatVector
    let bias: FloatVector
  }

  struct Dense: Sendable {
    let weight: WeightMatrix
    let bias: FloatVector
  }

  struct Layer: Sendable {
    let query: Dense
    let key: Dense
    let value: Dense
    let attentionOutput: Dense
    let attentionNorm: Norm
    let up: Dense
    let down: Dense
    let norm: Norm
  }

  init(_ source: any TensorSource, plan: EncoderConfiguration, path: String) throws(InferenceError)
  {
    var binder = WeightBinder(source: source, path: path)
    // Checkpoints of the bare encoder have no prefix, those with a head have "bert.".
    let root =
      source.tensor(named: "bert.embeddings.word_embeddings.weight") == nil ? "" : "bert."
    let hidden = plan.hidden
    func norm(_ binder: inout WeightBinder, _ name: String) throws(InferenceError) -> Norm {
      Norm(
        weight: try binder.vector("\(root)\(name).weight", hidden),
        bias: try binder.vector("\(root)\(name).bias", hidden))
    }
    func dense(_ binder: inout WeightBinder, _ name: String, _ rows: Int, _ columns: Int)
      throws(InferenceError) -> Dense
    {
      Dense(
        weight: try binder.matrix("\(root)\(name).weight", rows, columns),
        bias: try binder.vector("\(root)\(name).bias", rows))
    }
    let embeddings = "\(root)embeddings."
    words = try binder.matrix(embeddings + "word_embeddings.weight", plan.vocabulary, hidden)
    positions = try binder.matrix(
      embeddings + "position_embeddings.weight", plan.positions, hidden)
    let types = embeddings + "token_type_embeddings.weight"
    self.types = try binder.vector(
      types, max(1, source.tensor(named: types)?.shape.first ?? 2), hidden)
    embeddingNorm = try norm(&binder, "embeddings.LayerNorm")
    var layers: [Layer] = []
    for i in 0..<plan.layers {
      let name = "encoder.layer.\(i)."
      layers.append(
        Layer(
          query: try dense(&binder, name + "attention.self.query", hidden, hidden),
          key: try dense(&binder, name + "attention.self.key", hidden, hidden),
          value: try dense(&binder, name + "attention.self.value", hidden, hidden),
          attentionOutput: try dense(&binder, name + "attention.output.dense", hidden, hidden),
          attentionNorm: try norm(&binder, name + "attention.output.LayerNorm"),
          up: try dense(&binder, name + "intermediate.dense", plan.feedForward, hidden),
          down: try dense(&binder, name + "output.dense", hidden, plan.feedForward),
          norm: try norm(&binder, name + "output.LayerNorm")))
    }
    self.layers = layers
  }
}
