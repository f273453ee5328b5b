import Compute
import Tensors

/// All weights of a decoder, bound by name and shape.
struct DecoderWeights: Sendable {
  /// [vocabulary, hidden]
  let embedding: WeightMatrix
  let outputNorm: FloatVector
  /// [vocabulary, hidden]; the embedding when the file has no other.
  let output: WeightMatrix
  let layers: [BoundLayer]
  let byteCount: Int
}

/// A layer's weights behind one reference: a copy of them would count one for each, in every layer for every
/// token.
final class BoundLayer: Sendable {
  let weights: LayerWeights

  init(_ weights: LayerWeights) { self.weights = weights }
}

struct LayerWeights: Sendable {
  let attentionNorm: FloatVector
  /// [heads · keySize, hidden], [keyHeads · keySize, hidden], [keyHeads · valueSize, hidden]
  let query: WeightMatrix
  let key: WeightMatrix
  let value: WeightMatrix
  let queryBias: FloatVector?
  let keyBias: FloatVector?
  let valueBias: FloatVector?
  /// [keySize]
  let queryNorm: FloatVector?
  let keyNorm: FloatVector?
  /// [heads]
  let sinks: FloatVector?
  /// [hidden, heads · valueSize]
  let attentionOutput: WeightMatrix
  let attentionOutputBias: FloatVector?
  let attentionPostNorm: FloatVector?
  let feedForwardNorm: FloatVector
  /// [experts, hidden]
  let router: WeightMatrix?
  let routerBias: FloatVector?
  /// [feedForward, hidden] ×2 and [hidden, feedForward], or stacks of `experts` of them.
  let gate: WeightMatrix
  let up: WeightMatrix
  let down: WeightMatrix
  let gateBias: FloatVector?
  let upBias: FloatVector?
  let downBias: FloatVector?
  let feedForwardPostNorm: FloatVector?
}

extension DecoderWeights {
  /// Binds the weights of a GGUF file, adding to the plan what only the weights tell (divisors of
  /// the rotary frequencies).
  init(_ source: any TensorSource, plan: inout DecoderConfiguration, path: String)
    throws(InferenceError)
  {
    var binder = WeightBinder(source: source, path: path)
    let vocabulary = plan.vocabulary
    embedding = try binder.matrix("token_embd.weight", vocabulary, plan.hidden)
    outputNorm = try binder.vector("output_norm.weight", plan.hidden)
    output =
      plan.rules.mayTieOutput
      ? try binder.optionalMatrix("output.weight", [vocabulary, plan.hidden]) ?? embedding
      : try binder.matrix("output.weight", vocabulary, plan.hidden)
    if let divisors = try binder.optionalVector("rope_freqs.weight", plan.ropes[0].pairs) {
      plan.ropes[0].divisors = Array(
        UnsafeBufferPointer(start: divisors.pointer, count: divisors.count))
      for divisor in plan.ropes[0].divisors where !(divisor > 0) {
        throw InferenceError(
          .wrongTensor, "expected factors above 0, found \(divisor)", subject: "rope_freqs.weight",
          path: path)
      }
    }
    var layers: [BoundLayer] = []
    for (index, layer) in plan.layers.enumerated() {
      layers.append(BoundLayer(try LayerWeights(&binder, plan, layer, "blk.\(index).")))
    }
    self.layers = layers
    // Some converters repeat the table in every layer; older ones store angles nobody reads.
    try binder.checkAllTaken {
      $0.hasSuffix(".rope_freqs.weight") || $0.hasSuffix(".attn_rot_embd")
        || $0.hasSuffix(".attention.rotary_emb.inv_freq")
    }
    byteCount = binder.byteCount
  }
}

extension LayerWeights {
  init(
    _ binder: inout WeightBinder, _ plan: DecoderConfiguration, _ layer: LayerPlan, _ name: String
  ) throws(InferenceError) {
    let hidden = plan.hidden
    let queries = plan.heads * plan.keySize
    let keys = layer.keyHeads * plan.keySize
    let values = layer.keyHeads * plan.valueSize
    let mixed = plan.heads * plan.valueSize
    let rules = plan.rules
    attentionNorm = try binder.vector(name + "attn_norm.weight", hidden)
    query = try binder.matrix(name + "attn_q.weight", queries, hidden)
    key = try binder.matrix(name + "attn_k.weight", keys, hidden)
    value = try binder.matrix(name + "attn_v.weight", values, hidden)
    queryBias = try binder.vector(
      name + "attn_q.bias", required: rules.biases != .optional, queries)
    keyBias = try binder.vector(
      name + "attn_k.bias", required: rules.biases != .optional, keys)
    valueBias = try binder.vector(
      name + "attn_v.bias", required: rules.biases != .optional, values)
    queryNorm =
      rules.headNorms ? try binder.vector(name + "attn_q_norm.weight", plan.keySize) : nil
    keyNorm = rules.headNorms ? try binder.vector(name + "attn_k_norm.weight", plan.keySize) : nil
    sinks = rules.sinks ? try binder.vector(name + "attn_sinks.weight", plan.heads) : nil
    attentionOutput = try binder.matrix(name + "attn_output.weight", hidden, mixed)
    attentionOutputBias = try binder.vector(
      name + "attn_output.bias", required: rules.biases == .all, hidden)
    attentionPostNorm =
      rules.postNorms ? try binder.vector(name + "post_attention_norm.weight", hidden) : nil
    feedForwardNorm = try binder.vector(name + rules.feedForwardNorm + ".weight", hidden)
    let wide = layer.feedForward
    if let experts = plan.experts?.count {
      router = try binder.matrix(name + "ffn_gate_inp.weight", experts, hidden)
      routerBias = try binder.vector(
        name + "ffn_gate_inp.bias", required: rules.biases == .all, experts)
      gate = try binder.matrix(name + "ffn_gate_exps.weight", experts, wide, hidden)
      up = try binder.matrix(name + "ffn_up_exps.weight", experts, wide, hidden)
      down = try binder.matrix(name + "ffn_down_exps.weight", experts, hidden, wide)
      gateBias = try binder.vector(
        name + "ffn_gate_exps.bias", required: rules.biases == .all, experts, wide)
      upBias = try binder.vector(
        name + "ffn_up_exps.bias", required: rules.biases == .all, experts, wide)
      downBias = try binder.vector(
        name + "ffn_down_exps.bias", required: rules.biases == .all, experts, hidden)
    } else {
      router = nil
      routerBias = nil
      gate = try binder.matrix(name + "ffn_gate.weight", wide, hidden)
      up = try binder.matrix(name + "ffn_up.weight", wide, hidden)
      down = try binder.matrix(name + "ffn_down.weight", hidden, wide)
      gateBias = try binder.vector(name + "ffn_gate.bias", required: rules.biases == .all, wide)
      upBias = try binder.vector(name + "ffn_up.bias", required: rules.biases == .all, wide)
      downBias = try binder.vector(name + "ffn_down.bias", required: rules.biases == .all, hidden)
    }
    feedForwardPostNorm =
      rules.postNorms ? try binder.vector(name + "post_ffw_norm.weight", hidden) : nil
  }
}
