import Compute
import Storage
import Tensors

/// The families of decoders, and how each one's GGUF metadata becomes a ``DecoderConfiguration``.
package enum DecoderFamily: String, Sendable, CaseIterable {
  /// SmolLM2, Llama 2 and 3.x, Mistral, Mixtral.
  case llama
  case smollm3
  case qwen2
  case qwen3
  case qwen3moe
  case gemma3
  case gptOSS = "gpt-oss"

  /// The family of an architecture name, or an error that lists what there is.
  package static func named(_ architecture: String, path: String?) throws(InferenceError)
    -> DecoderFamily
  {
    if let family = DecoderFamily(rawValue: architecture) { return family }
    let known = allCases.map(\.rawValue).joined(separator: ", ")
    throw InferenceError(
      .unknownArchitecture,
      "architecture \"\(architecture)\" is not supported; supported: \(known)", path: path)
  }
}

extension DecoderConfiguration {
  /// Reads the configuration from the header of a GGUF file; no weight is touched.
  package init(_ file: GGUFFile) throws(InferenceError) {
    let path = file.file.path
    guard let architecture = file.metadata["general.architecture"]?.string else {
      throw InferenceError(
        .badMetadata, "expected a text, found none", subject: "general.architecture", path: path)
    }
    let family = try DecoderFamily.named(architecture, path: path)
    let reader = MetadataReader(metadata: file.metadata, prefix: architecture, path: path)
    self = try reader.common(file)
    switch family {
    case .llama: try reader.adaptLlama(&self)
    case .smollm3: reader.adaptSmolLM3(&self)
    case .qwen2: rules.biases = .attentionInputs
    case .qwen3, .qwen3moe: rules.headNorms = true
    case .gemma3: try reader.adaptGemma3(&self)
    case .gptOSS: try reader.adaptGPTOSS(&self)
    }
    try check(path: path)
  }
}

extension MetadataReader {
  /// What all families share.
  fileprivate func common(_ file: GGUFFile) throws(InferenceError) -> DecoderConfiguration {
    let layerCount = try count("block_count", in: 1...1024)
    let hidden = try count("embedding_length", in: 1...131_072)
    let heads = try count("attention.head_count", in: 1...1024)
    let keySize = try count(
      "attention.key_length", default: hidden / heads, in: 2...KeyValueCache.largestHead)
    let valueSize = try count(
      "attention.value_length", default: keySize, in: 1...KeyValueCache.largestHead)
    let keyHeads = try counts(
      "attention.head_count_kv", layers: layerCount, default: heads, in: 1...heads)
    let feedForward = try feedForwardSizes(layers: layerCount)
    let dimensions = try count("rope.dimension_count", default: keySize, in: 2...keySize)
    let rope = try rotaryPlan(base: 10_000, dimensions: dimensions)
    guard let embedding = file.tensor(named: "token_embd.weight"), embedding.shape.count == 2 else {
      throw InferenceError(
        .missingTensor, "expected a matrix [vocabulary, \(hidden)], found none",
        subject: "token_embd.weight", path: path)
    }
    return DecoderConfiguration(
      architecture: prefix, hidden: hidden, heads: heads, keySize: keySize, valueSize: valueSize,
      vocabulary: embedding.shape[0],
      contextLength: try count("context_length", in: 1...100_000_000),
      normEpsilon: Float(
        try number("attention.layer_norm_rms_epsilon", default: nil, in: 0...1)),
      attentionScale: 1 / Float(keySize).squareRoot(),
      logitCap: Float(try number("final_logit_softcapping", default: 0, in: 0...1e6)),
      pairing: .halves, ropes: [rope],
      layers: (0..<layerCount).map {
        LayerPlan(keyHeads: keyHeads[$0], feedForward: feedForward[$0], window: 0, rope: 0)
      },
      experts: try expertPlan(), rules: WeightRules())
  }

  private func feedForwardSizes(layers: Int) throws(InferenceError) -> [Int] {
    let range = 1...1_048_576
    if has("expert_feed_forward_length"), try expertPlan() != nil {
      return try counts("expert_feed_forward_length", layers: layers, default: nil, in: range)
    }
    return try counts("feed_forward_length", layers: layers, default: nil, in: range)
  }

  private func expertPlan() throws(InferenceError) -> ExpertPlan? {
    let experts = try count("expert_count", default: 0, in: 0...4096)
    guard experts > 0 else { return nil }
    return ExpertPlan(
      count: experts, used: try count("expert_used_count", in: 1...min(experts, 64)))
  }

  /// Weights are permuted so that neighbours rotate together. Files of early Mistral models may
  /// name a window, which then holds for all layers.
  fileprivate func adaptLlama(_ plan: inout DecoderConfiguration) throws(InferenceError) {
    plan.pairing = .neighbours
    let window = try count("attention.sliding_window", default: 0, in: 0...100_000_000)
    for i in plan.layers.indices { plan.layers[i].window = window }
  }

  /// As Llama, but every fourth layer does not rotate. Files do not say so; the reference takes it as
  /// given too (SmolLM3 in llama.cpp and, as `no_rope_layer_interval`, in transformers).
  fileprivate func adaptSmolLM3(_ plan: inout DecoderConfiguration) {
    plan.pairing = .neighbours
    for i in plan.layers.indices where (i + 1) % 4 == 0 { plan.layers[i].rope = nil }
  }

  /// Five windowed layers with a base of their own, then one that sees everything.
  fileprivate func adaptGemma3(_ plan: inout DecoderConfiguration) throws(InferenceError) {
    plan.rules.headNorms = true
    plan.rules.postNorms = true
    plan.activation = .geluTanh
    plan.embeddingScale = Float(plan.hidden).squareRoot()
    // The 27B model scales by its width per head instead of the head size; the file does not say so.
    if has("attention.scale") {
      plan.attentionScale = Float(try number("attention.scale", default: nil, in: 0...1e6))
    } else if plan.layers.count == 62 {
      plan.attentionScale = 1 / Float(plan.hidden / plan.heads).squareRoot()
    }
    plan.ropes[0] = try rotaryPlan(base: 1_000_000, dimensions: plan.ropes[0].dimensions)
    plan.ropes.append(
      RotaryPlan(
        base: try number("rope.freq_base_swa", default: 10_000, in: 1...1e12),
        dimensions: plan.ropes[0].dimensions))
    let window = try count("attention.sliding_window", default: 0, in: 0...100_000_000)
    guard window > 0 else { return }
    let windowed = try windowPattern(layers: plan.layers.count, default: 6)
    for i in plan.layers.indices where windowed[i] {
      plan.layers[i].window = window
      plan.layers[i].rope = 1
    }
  }

  fileprivate func adaptGPTOSS(_ plan: inout DecoderConfiguration) throws(InferenceError) {
    plan.rules.sinks = true
    plan.rules.biases = .all
    plan.rules.mayTieOutput = false
    plan.rules.feedForwardNorm = "post_attention_norm"
    plan.activation = .clampedSwiGLU(alpha: 1.702, limit: 7)
    if case .yarn(var yarn) = plan.ropes[0].scaling {
      yarn.roundsRange = false
      plan.ropes[0].scaling = .yarn(yarn)
    }
    let window = try count("attention.sliding_window", in: 0...100_000_000)
    let windowed = try windowPattern(layers: plan.layers.count, default: 2)
    for i in plan.layers.indices where windowed[i] { plan.layers[i].window = window }
  }

  /// Which layers have a window: in each group of n, all but the last; or as the file lists them.
  private func windowPattern(layers: Int, default group: Int) throws(InferenceError) -> [Bool] {
    let key = "attention.sliding_window_pattern"
    if let list = bools(key) {
      guard list.count >= layers else {
        throw bad(key, "expected \(layers) values, found \(list.count)")
      }
      return Array(list.prefix(layers))
    }
    let n = try count(key, default: group, in: 0...1024)
    return (0..<layers).map { n > 0 && $0 % n < n - 1 }
  }
}
