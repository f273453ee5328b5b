import Compute
import Storage
import Tensors
import Tokenization

/// gpt-oss as its authors publish it: a folder of safetensors shards with `config.json` and
/// `tokenizer.json` (`openai/gpt-oss-20b`).
///
/// The names differ from GGUF's, and the experts are stored otherwise: the gate and up projections
/// are one matrix whose rows alternate, and MXFP4 blocks lie apart from their scales with neighbours
/// sharing a byte. The experts are therefore laid out anew in memory, once, when the model opens;
/// everything else is used where it lies.
struct GPTOSSCheckpoint {
  let directory: String
  let config: JSONNode
  let files: any TensorSource

  init(directory: String) throws {
    self.directory = directory
    config = try JSONNode(file: "\(directory)/config.json")
    files = try SafetensorsFolder(path: directory)
  }

  /// The configuration of `config.json`.
  func configuration() throws(InferenceError) -> DecoderConfiguration {
    let reader = ConfigReader(config: config, path: "\(directory)/config.json")
    guard config["model_type"]?.text == "gpt_oss" else {
      let found = config["model_type"]?.text ?? "none"
      throw InferenceError(
        .unknownArchitecture,
        "safetensors of \"\(found)\" are not supported as a decoder; supported: gpt_oss",
        path: directory)
    }
    let hidden = try reader.count("hidden_size")
    let heads = try reader.count("num_attention_heads", most: 1024)
    let size = try reader.count("head_dim", most: KeyValueCache.largestHead)
    let window = try reader.count("sliding_window")
    let layerCount = try reader.count("num_hidden_layers", most: 1024)
    let kinds = config["layer_types"]?.array?.map { $0.text == "sliding_attention" }
    let layers = try reader.layers(
      layerCount, window: window, kinds: kinds,
      keyHeads: try reader.count("num_key_value_heads", most: heads),
      feedForward: try reader.count("intermediate_size"))
    let experts = try reader.count("num_local_experts", most: 4096)
    let used = try reader.count("num_experts_per_tok", most: min(experts, 64))
    var plan = DecoderConfiguration(
      architecture: DecoderFamily.gptOSS.rawValue, hidden: hidden, heads: heads, keySize: size,
      valueSize: size, vocabulary: try reader.count("vocab_size"),
      contextLength: try reader.count("max_position_embeddings"),
      normEpsilon: Float(config["rms_norm_eps"]?.double ?? 1e-5),
      attentionScale: 1 / Float(size).squareRoot(), pairing: .halves,
      ropes: [try reader.rope(dimensions: size)], layers: layers,
      experts: ExpertPlan(count: experts, used: used), rules: WeightRules())
    plan.activation = .clampedSwiGLU(
      alpha: 1.702, limit: Float(config["swiglu_limit"]?.double ?? 7))
    plan.rules.sinks = true
    plan.rules.biases = .all
    plan.rules.mayTieOutput = false
    plan.rules.feedForwardNorm = "post_attention_norm"
    try plan.check(path: "\(directory)/config.json")
    return plan
  }

  func weights(_ plan: DecoderConfiguration) throws(InferenceError) -> DecoderWeights {
    var binder = WeightBinder(source: files, path: directory)
    let embedding = try binder.matrix("model.embed_tokens.weight", plan.vocabulary, plan.hidden)
    let outputNorm = try binder.vector("model.norm.weight", plan.hidden)
    let output = try binder.matrix("lm_head.weight", plan.vocabulary, plan.hidden)
    var layers: [BoundLayer] = []
    for (index, layer) in plan.layers.enumerated() {
      layers.append(
        BoundLayer(try LayerWeights(&binder, plan, layer, safetensors: "model.layers.\(index).")))
    }
    try binder.checkAllTaken { _ in false }
    return DecoderWeights(
      embedding: embedding, outputNorm: outputNorm, output: output, layers: layers,
      byteCount: binder.byteCount)
  }
}

extension LayerWeights {
  fileprivate init(
    _ binder: inout WeightBinder, _ plan: DecoderConfiguration, _ layer: LayerPlan,
    safetensors name: String
  ) throws(InferenceError) {
    let hidden = plan.hidden
    let queries = plan.heads * plan.keySize
    let keys = layer.keyHeads * plan.keySize
    let experts = plan.experts?.count ?? 0
    let wide = layer.feedForward
    attentionNorm = try binder.vector(name + "input_layernorm.weight", hidden)
    query = try binder.matrix(name + "self_attn.q_proj.weight", queries, hidden)
    key = try binder.matrix(name + "self_attn.k_proj.weight", keys, hidden)
    value = try binder.matrix(name + "self_attn.v_proj.weight", keys, hidden)
    queryBias = try binder.vector(name + "self_attn.q_proj.bias", queries)
    keyBias = try binder.vector(name + "self_attn.k_proj.bias", keys)
    valueBias = try binder.vector(name + "self_attn.v_proj.bias", keys)
    queryNorm = nil
    keyNorm = nil
    sinks = try binder.vector(name + "self_attn.sinks", plan.heads)
    attentionOutput = try binder.matrix(name + "self_attn.o_proj.weight", hidden, queries)
    attentionOutputBias = try binder.vector(name + "self_attn.o_proj.bias", hidden)
    attentionPostNorm = nil
    feedForwardNorm = try binder.vector(name + "post_attention_layernorm.weight", hidden)
    router = try binder.matrix(name + "mlp.router.weight", experts, hidden)
    routerBias = try binder.vector(name + "mlp.router.bias", experts)
    let both = try binder.mxfp4(name + "mlp.experts.gate_up_proj", experts, 2 * wide, hidden)
    gate = both.everySecondRow(from: 0)
    up = both.everySecondRow(from: 1)
    down = try binder.mxfp4(name + "mlp.experts.down_proj", experts, hidden, wide).everyRow()
    let bias = try binder.vector(name + "mlp.experts.gate_up_proj_bias", experts, 2 * wide)
    gateBias = bias.everySecond(from: 0)
    upBias = bias.everySecond(from: 1)
    downBias = try binder.vector(name + "mlp.experts.down_proj_bias", experts, hidden)
    feedForwardPostNorm = nil
  }
}

extension FloatVector {
  fileprivate func everySecond(from first: Int) -> FloatVector {
    let buffer = FloatBuffer(count: count / 2)
    for i in 0..<count / 2 { buffer.pointer[i] = pointer[2 * i + first] }
    return FloatVector(buffer)
  }
}

/// MXFP4 matrices [experts][rows][columns] as safetensors hold them: blocks [experts, rows,
/// columns / 32, 16], where a byte holds two neighbours, the first in its low half, and scales
/// [experts, rows, columns / 32].
struct SplitMXFP4 {
  let experts: Int
  let rows: Int
  let columns: Int
  let blocks: Tensor
  let scales: Tensor

  func everyRow() -> WeightMatrix { laidOut(rows: rows) { $0 } }

  func everySecondRow(from first: Int) -> WeightMatrix {
    laidOut(rows: rows / 2) { 2 * $0 + first }
  }

  /// The blocks as GGUF has them: the scale, then sixteen bytes whose low halves are the first
  /// sixteen weights and whose high halves the others.
  private func laidOut(rows count: Int, _ source: (Int) -> Int) -> WeightMatrix {
    let perRow = columns / 32
    let owner = OwnedBytes(count: experts * count * perRow * 17)
    let from = blocks.bytes
    let exponents = scales.bytes
    var to = owner.pointer
    for expert in 0..<experts {
      for row in 0..<count {
        let first = (expert * rows + source(row)) * perRow
        for block in first..<first + perRow {
          to[0] = exponents[block]
          for byte in 0..<8 {
            let low = from[block * 16 + byte]
            let high = from[block * 16 + 8 + byte]
            to[1 + 2 * byte] = low & 15 | high << 4
            to[2 + 2 * byte] = low >> 4 | high & 0xF0
          }
          to += 17
        }
      }
    }
    // The pages just read will not be needed again.
    blocks.file.advise(.dontNeed, in: blocks.range)
    return WeightMatrix(
      pointer: UnsafeRawPointer(owner.pointer), rows: count, columns: columns, experts: experts,
      type: .mxfp4, owner: owner)
  }
}

/// Memory that weights of our own making lie in.
final class OwnedBytes: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<UInt8>

  init(count: Int) {
    pointer = UnsafeMutableRawPointer.allocate(byteCount: max(1, count), alignment: 64)
      .bindMemory(to: UInt8.self, capacity: max(1, count))
  }

  deinit { UnsafeMutableRawPointer(pointer).deallocate() }
}
