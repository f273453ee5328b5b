import Foundation
import Inference
import Testing
import Tokenization

/// One prompt with the logits of a reference implementation (Fixtures/README.md).
struct ReferenceCase: Decodable {
  let prompt: [TokenID]
  let promptArgmax: [TokenID]
  let promptNLL: [Float]
  let greedy: [TokenID]
  let greedyGap: [Float]
  let topIDs: [TokenID]
  let topLogits: [Float]

  enum CodingKeys: String, CodingKey {
    case prompt = "prompt_tokens"
    case promptArgmax = "prompt_argmax"
    case promptNLL = "prompt_nll"
    case greedy
    case greedyGap = "greedy_gap_to_second"
    case topIDs = "top20_ids"
    case topLogits = "top20_logits"
  }

  static func load(_ name: String, in folder: URL = Fixtures.folder) throws -> ReferenceCase {
    try JSONDecoder().decode(
      ReferenceCase.self, from: Data(contentsOf: folder.appending(path: "\(name).json")))
  }

  /// The reference's logits after the prompt: (id, logit), every one or every sixteenth.
  static func logits(_ name: String, in folder: URL = Fixtures.folder) throws -> [(Int, Float)] {
    let full = folder.appending(path: "\(name).logits.bin")
    let step = FileManager.default.fileExists(atPath: full.path) ? 1 : 16
    let file = step == 1 ? full : folder.appending(path: "\(name).logits16.bin")
    return try Data(contentsOf: file).withUnsafeBytes { bytes in
      bytes.bindMemory(to: Float.self).enumerated().map { ($0 * step, $1) }
    }
  }
}

enum Fixtures {
  static let folder = Bundle.module.resourceURL!.appending(path: "Fixtures")

  static func path(_ name: String) -> String { folder.appending(path: name).path }

  /// The large fixtures, when CARREL_FIXTURES names their folder.
  static let shared = ProcessInfo.processInfo.environment["CARREL_FIXTURES"].map {
    URL(filePath: $0)
  }

  /// A file of the starter models; one that is missing is a failure where it is required.
  static func model(_ file: String) throws -> String {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let folder =
      ProcessInfo.processInfo.environment["CARREL_MODELS"].map { URL(filePath: $0) }
      ?? root.appending(path: "Models")
    let path = folder.appending(path: file).path
    try #require(
      FileManager.default.fileExists(atPath: path),
      "\(path) is missing; Models/fetch --test gets the models of the tests")
    return path
  }
}

/// How far our logits are from a reference's.
struct Agreement: CustomStringConvertible {
  /// The largest difference of a logit after the prompt.
  var worst: Float = 0
  /// KL divergence of the distributions after the prompt, of the ids both have.
  var divergence: Double = 0
  /// Prompt positions where the most likely token differs.
  var argmaxMisses = 0
  /// The largest difference of a prompt token's negative log likelihood.
  var worstNLL: Float = 0
  /// Their mean, ours and the reference's: the log of the perplexity.
  var meanNLL: (ours: Double, theirs: Double) = (0, 0)
  /// Greedy tokens that equal the reference's until its first gap under `tie`, of how many.
  var greedy: (equal: Int, of: Int) = (0, 0)
  /// Whether a greedy token differed where the gap was `tie` or more.
  var greedyBroke = false

  static let tie: Float = 0.01

  var description: String {
    "worst \(worst) KL \(divergence) argmax misses \(argmaxMisses) worst nll \(worstNLL) "
      + "mean nll \(meanNLL.ours) ref \(meanNLL.theirs) greedy \(greedy.equal)/\(greedy.of)"
  }

  static func measure(
    _ session: DecodingSession, _ reference: ReferenceCase, logits wanted: [(Int, Float)],
    greedy: Bool
  ) throws -> Agreement {
    var result = Agreement()
    _ = try session.sync(to: [])
    let count = reference.prompt.count
    try session.extend(by: reference.prompt) { index, logits in
      if Sampler.argmax(logits) != reference.promptArgmax[index] { result.argmaxMisses += 1 }
      guard index + 1 < count else { return }
      let nll = Float(logSumExp(logits) - Double(logits[Int(reference.prompt[index + 1])]))
      result.worstNLL = max(result.worstNLL, abs(nll - reference.promptNLL[index]))
      result.meanNLL.ours += Double(nll) / Double(count - 1)
      result.meanNLL.theirs += Double(reference.promptNLL[index]) / Double(count - 1)
    }
    let ours = wanted.map { session.logits[$0.0] }
    let theirs = wanted.map(\.1)
    for (a, b) in zip(ours, theirs) {
      result.worst = abs(a - b) <= result.worst ? result.worst : abs(a - b)
    }
    let (sumA, sumB) = (logSumExp(ours), logSumExp(theirs))
    for (a, b) in zip(ours, theirs) {
      let p = Double(b) - sumB
      result.divergence += exp(p) * (p - (Double(a) - sumA))
    }
    guard greedy else { return result }
    var token = Sampler.argmax(session.logits)
    for (index, expected) in reference.greedy.enumerated() {
      if reference.greedyGap[index] < tie { break }
      result.greedy.of += 1
      if token != expected {
        result.greedyBroke = true
        break
      }
      result.greedy.equal += 1
      try session.advance(token)
      token = Sampler.argmax(session.logits)
    }
    return result
  }
}

func logSumExp(_ x: some Collection<Float>) -> Double {
  let top = Double(x.max() ?? 0)
  return top + log(x.reduce(0.0) { $0 + exp(Double($1) - top) })
}
