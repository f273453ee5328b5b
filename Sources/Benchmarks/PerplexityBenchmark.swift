// `Benchmarks perplexity`: what rounding activations costs, as perplexity of a text.

import Compute
import Glibc
import Inference
import Storage
import Tokenization

enum PerplexityBenchmark {
  /// Arguments: a decoder's file; a text file; the most tokens read (512).
  static func run(_ arguments: [String]) throws {
    guard arguments.count >= 2 else {
      throw BenchmarkError("usage: Benchmarks perplexity MODEL TEXT [TOKENS]")
    }
    let words = String(decoding: try SmallFile.read(arguments[1], limit: 1 << 30), as: UTF8.self)
    let most = arguments.count > 2 ? max(2, Int(arguments[2]) ?? 512) : 512
    var results: [Double] = []
    for kernels in [KernelChoice.exact, .fast] {
      let runner = try DecoderRuns(path: arguments[0], threads: nil, kernels: kernels)
      let limit = min(most, runner.model.configuration.contextLength)
      let ids = Array(runner.model.tokenizer.encode(words).prefix(limit))
      let session = try DecodingSession(
        model: runner.model, engine: runner.engine, context: max(1, ids.count))
      results.append(try session.perplexity(of: ids))
      print("\(kernels) kernels: perplexity \(text(results.last ?? 0, 4)) over \(ids.count) tokens")
    }
    print("difference: \(text(100 * (results[1] / results[0] - 1), 3)) %")
  }
}
