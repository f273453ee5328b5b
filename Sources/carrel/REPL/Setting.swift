import CarrelKit
import Terminal

/// What `/set` changes.
package enum Setting: String, Sendable, CaseIterable {
  case temperature, seed, passages, effort
  case maximumTokens = "max-tokens"
  case retrieval

  /// The value now, as `/set` shows it.
  package func value(in options: AskOptions) -> String {
    switch self {
    case .temperature: options.temperature.map { "\($0)" } ?? "default"
    case .seed: options.seed.map { "\($0)" } ?? "default"
    case .passages: "\(options.passages)"
    case .effort: options.effort.rawValue
    case .maximumTokens: options.maximumTokens.map { "\($0)" } ?? "default"
    case .retrieval:
      switch options.retrieval {
      case .required: "required"
      case .preferred: "preferred"
      case .off: "off"
      }
    }
  }

  /// What may be given.
  package var domain: String {
    switch self {
    case .temperature: "a number from 0 to 10, or default"
    case .seed: "a whole number, or default"
    case .passages: "a number from 1 to 100"
    case .effort: "low, medium or high (how long gpt-oss thinks)"
    case .maximumTokens: "a number from 1 to 1000000, or default"
    case .retrieval: "required, preferred or off"
    }
  }

  /// False when the value makes no sense.
  package func set(_ text: String, in options: inout AskOptions) -> Bool {
    switch self {
    case .temperature:
      if text == "default" { options.temperature = nil; return true }
      guard let value = Float(text), value >= 0, value <= 10 else { return false }
      options.temperature = value
    case .seed:
      if text == "default" { options.seed = nil; return true }
      guard let value = UInt64(text) else { return false }
      options.seed = value
    case .passages:
      guard let value = Int(text), (1...100).contains(value) else { return false }
      options.passages = value
    case .effort:
      guard let value = AskOptions.Effort(rawValue: text) else { return false }
      options.effort = value
    case .maximumTokens:
      if text == "default" { options.maximumTokens = nil; return true }
      guard let value = Int(text), (1...1_000_000).contains(value) else { return false }
      options.maximumTokens = value
    case .retrieval:
      switch text {
      case "required": options.retrieval = .required
      case "preferred": options.retrieval = .preferred
      case "off": options.retrieval = .off
      default: return false
      }
    }
    return true
  }
}
