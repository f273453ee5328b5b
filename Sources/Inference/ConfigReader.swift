import Compute

/// Reads the numbers of a `config.json` with their bounds; every failure names the key.
struct ConfigReader {
  let config: JSONNode
  let path: String

  private func bad(_ key: String, _ message: String) -> InferenceError {
    InferenceError(.badMetadata, message, subject: key, path: path)
  }

  func count(_ key: String, most: Int = 100_000_000) throws(InferenceError) -> Int {
    guard let value = config[key]?.int, (1...most).contains(value) else {
      throw bad(key, "expected a number from 1 to \(most)")
    }
    return value
  }

  func layers(_ count: Int, window: Int, kinds: [Bool]?, keyHeads: Int, feedForward: Int)
    throws(InferenceError) -> [LayerPlan]
  {
    let windowed = kinds ?? (0..<count).map { $0 % 2 == 0 }
    guard windowed.count == count else {
      throw bad("layer_types", "expected \(count) kinds, found \(windowed.count)")
    }
    return windowed.map {
      LayerPlan(keyHeads: keyHeads, feedForward: feedForward, window: $0 ? window : 0, rope: 0)
    }
  }

  /// The rotary plan, from `rope_scaling` and `rope_theta` or from the newer `rope_parameters`.
  func rope(dimensions: Int) throws(InferenceError) -> RotaryPlan {
    let scaling = config["rope_parameters"] ?? config["rope_scaling"]
    let base = scaling?["rope_theta"]?.double ?? config["rope_theta"]?.double ?? 150_000
    guard base >= 1 else { throw bad("rope_theta", "expected 1 or more") }
    var plan = RotaryPlan(base: base, dimensions: dimensions)
    guard let scaling, let kind = scaling["rope_type"]?.text, kind != "default" else {
      return plan
    }
    guard kind == "yarn", let factor = scaling["factor"]?.double, factor > 0,
      let original = scaling["original_max_position_embeddings"]?.int, original > 0
    else { throw bad("rope_scaling", "expected yarn with its factor and original context") }
    plan.scaling = .yarn(
      RotaryPlan.YaRN(
        factor: factor, originalContext: original,
        betaFast: scaling["beta_fast"]?.double ?? 32, betaSlow: scaling["beta_slow"]?.double ?? 1,
        roundsRange: scaling["truncate"]?.bool ?? false))
    return plan
  }
}
