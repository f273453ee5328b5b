import Compute

/// A decoder network as data: everything the forward pass needs to know besides the weights.
///
/// One forward pass serves every family; what differs between them stands here, read from the
/// model file (DecoderFamily.swift).
package struct DecoderConfiguration: Sendable, Equatable {
  /// As the file names it: "llama", "qwen2", "gemma3", "gpt-oss", …
  package var architecture: String
  package var hidden: Int
  package var heads: Int
  /// Elements of a query or key head.
  package var keySize: Int
  /// Elements of a value head.
  package var valueSize: Int
  package var vocabulary: Int
  /// Positions the model was made for.
  package var contextLength: Int
  package var normEpsilon: Float
  /// Factor on embeddings as they enter.
  package var embeddingScale: Float = 1
  /// Factor on attention scores.
  package var attentionScale: Float
  /// Logits become cap · tanh(logit / cap); 0: they stay.
  package var logitCap: Float = 0
  package var activation: Activation = .silu
  package var pairing: RotaryPairing
  /// Rotary plans that layers point to.
  package var ropes: [RotaryPlan]
  package var layers: [LayerPlan]
  package var experts: ExpertPlan?
  package var rules: WeightRules

  /// How finely the fast kernels see a layer's activations. Small networks average fewer errors: in 8
  /// bits throughout, the next token's distribution strays by KL 4e-3 with SmolLM2 and 8e-3 with Gemma 3
  /// 270M, mixed by 4e-4 and 1.5e-3 (means over 200 places of a text).
  /// The smallest have too few blocks to choose among.
  package var activationPrecision: ActivationPrecision {
    hidden < 256 ? .int16 : hidden <= 1024 ? .mixed : .int8
  }

  /// What the forward pass relies on, whatever kind of file the numbers came from.
  func check(path: String) throws(InferenceError) {
    func bad(_ subject: String, _ message: String) -> InferenceError {
      InferenceError(.badMetadata, message, subject: subject, path: path)
    }
    for (i, layer) in layers.enumerated() where heads % layer.keyHeads != 0 {
      throw bad(
        "key and value heads",
        "expected a divisor of \(heads) heads, found \(layer.keyHeads) in layer \(i)")
    }
    for rope in ropes where rope.dimensions % 2 != 0 {
      throw bad("rotary dimensions", "expected an even number, found \(rope.dimensions)")
    }
  }
}

/// One layer of the network.
package struct LayerPlan: Sendable, Equatable {
  package var keyHeads: Int
  package var feedForward: Int
  /// Keys a token sees, itself included; 0: all.
  package var window: Int
  /// Index into `ropes`; `nil`: this layer does not rotate.
  package var rope: Int?
}

/// A mixture of experts in place of every feed-forward layer. Each token uses the `used` experts
/// with the highest router logits, weighted by the softmax over those alone.
package struct ExpertPlan: Sendable, Equatable {
  package var count: Int
  package var used: Int

  package init(count: Int, used: Int) {
    self.count = count
    self.used = used
  }
}

/// Which weights a family has beyond the common ones. Biases are bound wherever the file has them.
package struct WeightRules: Sendable, Equatable {
  /// What a network of the family cannot lack; without it the answers would be another network's.
  package enum Biases: Sendable, Equatable { case optional, attentionInputs, all }

  package var biases = Biases.optional
  /// Whether the output may be the embedding.
  package var mayTieOutput = true
  /// RMS norms on each query and key head, before rotation.
  package var headNorms = false
  /// RMS norms on what attention and feed-forward give, before it is added.
  package var postNorms = false
  /// One learned extra attention score for each head.
  package var sinks = false
  /// The name of the norm before the feed-forward layer, without "blk.N." and ".weight".
  package var feedForwardNorm = "ffn_norm"
}
