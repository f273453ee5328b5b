// What the benchmarks of whole networks share: a model on an engine, and the work they time.

import CarrelKit
import Compute
import Inference
import Tokenization

/// A decoder, evaluated as `carrel` would.
struct DecoderRuns {
  let model: DecoderModel
  let engine: Engine
  private let vectors: VectorKernels

  /// - Parameter instructionSet: the kernels of a lesser processor, by their table's name.
  init(
    path: String, threads: Int?, kernels: KernelChoice = .fast, instructionSet: String? = nil
  ) throws {
    model = try DecoderModel.open(path: path)
    let table = KernelTable.available.first { $0.name == instructionSet }
    engine = Engine(
      pool: WorkerPool(threads: threads ?? WorkerPool.defaultThreadCount()), kernels: kernels,
      table: table ?? .best)
    vectors = instructionSet?.hasPrefix("avx") == true ? VectorKernels(.avx2) ?? .best : .best
  }

  func session(context: Int) throws -> DecodingSession {
    try DecodingSession(model: model, engine: engine, context: context, kernels: vectors)
  }

  /// Ordinary ids, spread over the vocabulary in a fixed way.
  func ids(_ count: Int) -> [TokenID] {
    (0..<count).map {
      TokenID(($0 &* 7919 &+ 101) % max(1, model.configuration.vocabulary - 300))
    }
  }

  /// Tokens a second of a prompt, read from nothing.
  func prefill(_ tokens: Int) throws -> Double {
    let session = try session(context: tokens)
    let prompt = ids(tokens)
    var sampler = Sampler(.greedy)
    return Double(tokens)
      / (try seconds {
        _ = try session.sync(to: prompt)
        _ = session.output.choose(&sampler, history: [])
      })
  }

  /// Plain text; after its end it begins again.
  func text(_ count: Int) -> [TokenID] {
    BenchmarkText.ids(count, tokenizer: model.tokenizer)
  }

  /// Tokens a second of `count` single tokens that end a context of `context` tokens of text, the
  /// likeliest next one found after each.
  func decode(_ count: Int, session: DecodingSession, context: Int) throws -> Double {
    let all = text(context)
    try session.sync(to: Array(all.dropLast(count)))
    var sampler = Sampler(.greedy)
    return Double(count)
      / (try seconds {
        for token in all.suffix(count) {
          try session.advance(token)
          _ = session.output.choose(&sampler, history: [])
        }
      })
  }
}

func seconds(_ work: () throws -> Void) rethrows -> Double {
  let started = ContinuousClock.now
  try work()
  return started.duration(to: .now) / .seconds(1)
}

func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
}

/// A number with `digits` decimals.
func text(_ value: Double, _ digits: Int = 1) -> String {
  let scale = (0..<digits).reduce(1.0) { s, _ in s * 10 }
  let whole = Int((abs(value) * scale).rounded())
  let sign = value < 0 && whole > 0 ? "-" : ""
  guard digits > 0 else { return "\(sign)\(whole)" }
  let part = String(whole % Int(scale))
  return "\(sign)\(whole / Int(scale)).\(String(repeating: "0", count: digits - part.count))\(part)"
}
