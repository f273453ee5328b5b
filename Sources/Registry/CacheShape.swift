// How much a key/value cache takes, from a GGUF header alone. For each layer and position it holds
// one key and one value of each key/value head in 16-bit floats; a layer with a sliding window keeps
// only the window, and room for the batch that is being evaluated.

import Tensors

/// The sizes that decide a key/value cache.
package struct CacheShape: Sendable, Equatable {
  package struct Layer: Sendable, Equatable {
    package var heads: Int
    /// In tokens; 0 when the layer sees everything.
    package var window: Int

    package init(heads: Int, window: Int) {
      self.heads = heads
      self.window = window
    }
  }

  package var layers: [Layer]
  /// Floats of one key and one value of one head.
  package var keySize: Int
  package var valueSize: Int

  /// Bytes of one 16-bit float.
  package static let elementBytes = 2
  /// Tokens evaluated at once: what a windowed layer keeps besides its window.
  package var batch: Int
  /// The granularity of the cache.
  package static let tile = 64

  /// - Parameter hasExperts: whether the network is a mixture of experts, which is evaluated in larger
  ///   batches.
  package init(layers: [Layer], keySize: Int, valueSize: Int, hasExperts: Bool = false) {
    self.layers = layers
    self.keySize = keySize
    self.valueSize = valueSize
    batch = hasExperts ? 512 : 256
  }

  /// Bytes once `context` tokens are held. Saturates instead of overflowing.
  package func byteCount(context: Int) -> Int {
    var total = 0
    for layer in layers {
      let kept =
        layer.window > 0
        ? min(context, layer.window.saturatingAdd(min(batch, context) + Self.tile)) : context
      let positions = (kept.saturatingAdd(Self.tile - 1) / Self.tile).saturatingMultiply(Self.tile)
      let perPosition = layer.heads.saturatingMultiply(keySize.saturatingAdd(valueSize))
      total = total.saturatingAdd(
        positions.saturatingMultiply(perPosition).saturatingMultiply(Self.elementBytes))
    }
    return total
  }

  /// Reads `<architecture>.block_count`, `.attention.*` and the window rules of the known families;
  /// nil when a size is missing or makes no sense.
  init?(_ metadata: [String: GGUFValue], architecture: String) {
    func count(_ key: String) -> Int? {
      metadata["\(architecture).\(key)"]?.int.flatMap { (1...1_000_000).contains($0) ? $0 : nil }
    }
    guard let blocks = count("block_count"), blocks <= 4096,
      let heads = count("attention.head_count")
    else { return nil }
    let listed = metadata["\(architecture).attention.head_count_kv"]?.integers
    let keyHeads: [Int]
    if let listed {
      guard listed.count == blocks, listed.allSatisfy({ (0...1_000_000).contains($0) }) else {
        return nil
      }
      keyHeads = listed.map { Int($0) }
    } else {
      keyHeads = Array(repeating: count("attention.head_count_kv") ?? heads, count: blocks)
    }
    let derived = count("embedding_length").map { $0 / heads }
    guard let keySize = count("attention.key_length") ?? derived,
      let valueSize = count("attention.value_length") ?? derived
    else { return nil }
    let window = count("attention.sliding_window") ?? 0
    let windowed = Self.windowedLayers(metadata, architecture: architecture, count: blocks)
    self.init(
      layers: zip(keyHeads, windowed).map { Layer(heads: $0, window: $1 ? window : 0) },
      keySize: keySize, valueSize: valueSize, hasExperts: count("expert_count") != nil)
  }

  /// Which layers have the window: listed one by one, or all but the last of each group of n. Where
  /// the file does not say, the families differ: Gemma 3 has groups of 6, gpt-oss of 2, llama (early
  /// Mistral) one window for all; elsewhere a window is not used, which errs on the large side.
  private static func windowedLayers(
    _ metadata: [String: GGUFValue], architecture: String, count: Int
  ) -> [Bool] {
    guard let group = ["gemma3": 6, "gpt-oss": 2, "llama": 0][architecture] else {
      return Array(repeating: false, count: count)
    }
    guard group > 0 else { return Array(repeating: true, count: count) }
    let pattern = metadata["\(architecture).attention.sliding_window_pattern"]
    if let list = pattern?.bools, list.count >= count { return Array(list.prefix(count)) }
    let said = pattern?.int.flatMap { (1...1024).contains($0) ? $0 : nil }
    return (0..<count).map { $0 % (said ?? group) < (said ?? group) - 1 }
  }
}

extension Int {
  /// The sum, or the largest or smallest number when it does not fit.
  func saturatingAdd(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other > 0 ? .max : .min) : sum
  }

  /// The product of two numbers of 0 or more, or the largest number when it does not fit.
  func saturatingMultiply(_ other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }
}
