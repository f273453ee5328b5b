import Compute
import Glibc

/// How positions turn into angles: rotary position embedding with its scalings.
///
/// RoFormer: arXiv 2104.09864. Linear scaling: arXiv 2306.15595. YaRN: arXiv 2309.00071.
package struct RotaryPlan: Sendable, Equatable {
  package enum Scaling: Sendable, Equatable {
    case none
    /// Angles divided by a factor.
    case linear(factor: Double)
    case yarn(YaRN)
  }

  package struct YaRN: Sendable, Equatable {
    package var factor: Double
    package var originalContext: Int
    package var betaFast = 32.0
    package var betaSlow = 1.0
    /// Multiplies the usual magnitude, 0.1 · ln(factor) + 1.
    package var attentionFactor = 1.0
    /// Whether the bounds of the correction range are rounded outwards to whole dimensions. gpt-oss
    /// is defined without it (`truncate: false` in its config), everything else with it.
    package var roundsRange = true
  }

  package var base: Double
  /// Elements of a head that rotate, even; the rest stays.
  package var dimensions: Int
  package var scaling = Scaling.none
  /// Divisors of the frequencies, [dimensions / 2], from `rope_freqs.weight` (Llama 3.x); empty: 1.
  package var divisors: [Float] = []

  package var pairs: Int { dimensions / 2 }

  /// Angle per position of each pair, [dimensions / 2], in float32 as the reference networks keep it.
  package func frequencies() -> [Float] {
    (0..<pairs).map { pair in
      let power = pow(base, 2 * Double(pair) / Double(dimensions))
      var frequency = Float(1 / power)
      if pair < divisors.count { frequency /= divisors[pair] }
      switch scaling {
      case .none: return frequency
      case .linear(let factor): return frequency / Float(factor)
      case .yarn(let yarn):
        let keep = Float(1 - ramp(pair, yarn))
        return frequency / Float(yarn.factor) * (1 - keep) + frequency * keep
      }
    }
  }

  /// Factor on sines and cosines.
  package var magnitude: Float {
    guard case .yarn(let yarn) = scaling, yarn.factor > 1 else { return 1 }
    return Float((0.1 * log(yarn.factor) + 1) * yarn.attentionFactor)
  }

  /// 0 where a pair turns often enough in the original context to be left alone, 1 where it is
  /// interpolated.
  private func ramp(_ pair: Int, _ yarn: YaRN) -> Double {
    func dimension(turns: Double) -> Double {
      Double(dimensions) * log(Double(yarn.originalContext) / (turns * 2 * Double.pi))
        / (2 * log(base))
    }
    var low = dimension(turns: yarn.betaFast)
    var high = dimension(turns: yarn.betaSlow)
    if yarn.roundsRange {
      low = low.rounded(.down)
      high = high.rounded(.up)
    }
    low = max(low, 0)
    high = min(high, Double(dimensions - 1))
    if low == high { high += 0.001 }
    return min(1, max(0, (Double(pair) - low) / (high - low)))
  }
}

/// Sines and cosines of a batch of positions under one plan.
struct RotaryTable {
  let pairs: Int
  /// [position of the batch][cosines: pairs, sines: pairs]
  private let values: UnsafeMutablePointer<Float>
  private let frequencies: [Float]
  private let magnitude: Float

  init(plan: RotaryPlan, batch: Int, arena: Arena) {
    pairs = plan.pairs
    frequencies = plan.frequencies()
    magnitude = plan.magnitude
    values = arena.floats(batch * pairs * 2)
  }

  /// Fills the table for `count` positions from `first` on.
  ///
  /// The angle is a float32 product, as in the reference networks, so that large positions round
  /// alike; sine and cosine of it are exact to the last bit but one.
  func fill(first: Int, count: Int) {
    for row in 0..<count {
      let position = Float(first + row)
      let line = values + row * pairs * 2
      for pair in 0..<pairs {
        let angle = Double(position * frequencies[pair])
        line[pair] = Float(cos(angle)) * magnitude
        line[pairs + pair] = Float(sin(angle)) * magnitude
      }
    }
  }

  func cosines(_ row: Int) -> UnsafePointer<Float> { UnsafePointer(values + row * pairs * 2) }
  func sines(_ row: Int) -> UnsafePointer<Float> { UnsafePointer(values + row * pairs * 2 + pairs) }
}
