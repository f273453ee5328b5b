import Tensors

/// Reads one architecture's keys with their bounds; every failure names the key.
struct MetadataReader {
  let metadata: [String: GGUFValue]
  /// The architecture, which begins every key of its own.
  let prefix: String
  let path: String

  func has(_ key: String) -> Bool { metadata["\(prefix).\(key)"] != nil }

  func bad(_ key: String, _ message: String) -> InferenceError {
    InferenceError(.badMetadata, message, subject: "\(prefix).\(key)", path: path)
  }

  /// A whole number in `range`; without a default it must be there.
  func count(_ key: String, default fallback: Int? = nil, in range: ClosedRange<Int>)
    throws(InferenceError) -> Int
  {
    guard let value = metadata["\(prefix).\(key)"] else {
      guard let fallback else { throw bad(key, "expected a number, found none") }
      return try bounded(fallback, key, range)
    }
    guard let number = value.int else { throw bad(key, "expected a whole number") }
    return try bounded(number, key, range)
  }

  /// A whole number for each layer, from one number or a list.
  func counts(
    _ key: String, layers: Int, default fallback: Int?, in range: ClosedRange<Int>
  ) throws(InferenceError) -> [Int] {
    guard let list = metadata["\(prefix).\(key)"]?.integers else {
      let one = try count(key, default: fallback, in: range)
      return Array(repeating: one, count: layers)
    }
    guard list.count >= layers else {
      throw bad(key, "expected \(layers) values, found \(list.count)")
    }
    var result: [Int] = []
    for value in list.prefix(layers) {
      guard let number = Int(exactly: value) else { throw bad(key, "\(value) is too large") }
      result.append(try bounded(number, key, range))
    }
    return result
  }

  func number(_ key: String, default fallback: Double?, in range: ClosedRange<Double>)
    throws(InferenceError) -> Double
  {
    guard let value = metadata["\(prefix).\(key)"] else {
      guard let fallback else { throw bad(key, "expected a number, found none") }
      return fallback
    }
    guard let number = value.double else { throw bad(key, "expected a number") }
    guard range.contains(number) else {
      throw bad(key, "expected \(range.lowerBound) to \(range.upperBound), found \(number)")
    }
    return number
  }

  func text(_ key: String) -> String? { metadata["\(prefix).\(key)"]?.string }

  func bools(_ key: String) -> [Bool]? {
    guard let value = metadata["\(prefix).\(key)"] else { return nil }
    return value.bools ?? value.integers?.map { $0 != 0 }
  }

  private func bounded(_ number: Int, _ key: String, _ range: ClosedRange<Int>)
    throws(InferenceError) -> Int
  {
    guard range.contains(number) else {
      throw bad(key, "expected \(range.lowerBound) to \(range.upperBound), found \(number)")
    }
    return number
  }

  /// Base and scaling of the rotary embedding; divisors come with the weights.
  func rotaryPlan(base: Double, dimensions: Int) throws(InferenceError) -> RotaryPlan {
    var plan = RotaryPlan(
      base: try number("rope.freq_base", default: base, in: 1...1e12), dimensions: dimensions)
    let factors = 0.001...1e6
    guard let kind = text("rope.scaling.type") else {
      // The key of files before 2023-09.
      let factor = try number("rope.scale_linear", default: 1, in: factors)
      if factor != 1 { plan.scaling = .linear(factor: factor) }
      return plan
    }
    let factor = try number("rope.scaling.factor", default: 1, in: factors)
    switch kind {
    case "none": break
    case "linear": if factor != 1 { plan.scaling = .linear(factor: factor) }
    case "yarn":
      plan.scaling = .yarn(
        RotaryPlan.YaRN(
          factor: factor,
          originalContext: try count(
            "rope.scaling.original_context_length",
            default: try count("context_length", in: 1...100_000_000), in: 1...100_000_000),
          betaFast: try number("rope.scaling.yarn_beta_fast", default: 32, in: 0.001...1e6),
          betaSlow: try number("rope.scaling.yarn_beta_slow", default: 1, in: 0.001...1e6),
          attentionFactor: try number("rope.scaling.attn_factor", default: 1, in: 0.001...1000)))
    default:
      throw bad("rope.scaling.type", "expected none, linear or yarn, found \"\(kind)\"")
    }
    return plan
  }
}
