import Tokenization

/// Which logits a sampler may choose from: those that are not too far below the highest, after the
/// repetition penalty.
package struct LogitReach: Sendable {
  /// How far; 0 for the highest alone.
  package var span: Float
  /// As `SamplerSettings` has it; 1 for none.
  package var penalty: Float
  /// What the penalty falls on: each once.
  package var penalised: Set<TokenID>

  package init(span: Float, penalty: Float = 1, penalised: Set<TokenID> = []) {
    self.span = span
    self.penalty = penalty
    self.penalised = penalised
  }

  /// A logit after the penalty: never falls while the logit rises.
  static func penalise(_ logit: Float, by penalty: Float) -> Float {
    logit > 0 ? logit / penalty : logit * penalty
  }
}

/// Some of the logits after a token, exact: at least all that a `LogitReach` asks for.
package struct NearLogits: Sendable {
  /// Ascending.
  package let ids: [TokenID]
  package let values: [Float]

  package init(ids: [TokenID], values: [Float]) {
    self.ids = ids
    self.values = values
  }
}
