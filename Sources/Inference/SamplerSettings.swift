/// How the next token is chosen from the logits.
///
/// Steps, in this order: repetition penalty, temperature, top-k, top-p, min-p, draw.
package struct SamplerSettings: Sendable, Equatable {
  /// Logits are divided by this; 0: always the highest logit, nothing below applies but the penalty.
  package var temperature: Float
  /// Only the k highest logits; 0: all.
  package var topK: Int
  /// The smallest set of most likely tokens whose probabilities reach this sum; 1: all.
  package var topP: Float
  /// Only tokens at least this fraction as likely as the most likely one; 0: all.
  package var minP: Float
  /// Above 1: tokens of the recent history lose. Positive logits are divided by it, others
  /// multiplied (CTRL, arXiv 1909.05858). 1: no effect.
  package var repetitionPenalty: Float
  /// How many recent tokens the penalty looks at.
  package var repetitionWindow: Int
  /// Equal seeds give equal choices.
  package var seed: UInt64

  package init(
    temperature: Float = 0.8, topK: Int = 40, topP: Float = 0.95, minP: Float = 0.05,
    repetitionPenalty: Float = 1, repetitionWindow: Int = 64, seed: UInt64 = 0
  ) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.repetitionPenalty = repetitionPenalty
    self.repetitionWindow = repetitionWindow
    self.seed = seed
  }

  /// The highest logit each time.
  package static let greedy = SamplerSettings(
    temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1)
}
