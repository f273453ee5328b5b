// `Benchmarks growth`: how speed falls as the context fills up.

import Compute
import Inference

enum GrowthBenchmark {
  private static let decoded = 32

  /// Arguments: a decoder's file; runs (5); threads.
  static func run(_ arguments: [String]) throws {
    guard let path = arguments.first else {
      throw BenchmarkError("usage: Benchmarks growth MODEL [RUNS] [THREADS]")
    }
    let runs = arguments.count > 1 ? max(1, Int(arguments[1]) ?? 5) : 5
    let runner = try DecoderRuns(
      path: path, threads: arguments.count > 2 ? Int(arguments[2]) : nil)
    let limit = runner.model.configuration.contextLength
    try prefill(runner, limit: limit, runs: runs)
    try decode(runner, limit: limit, runs: runs)
  }

  /// Short and long prompts take turns.
  private static func prefill(_ runner: DecoderRuns, limit: Int, runs: Int) throws {
    let lengths = [512, 4096].filter { $0 <= limit }
    var rates = [[Double]](repeating: [], count: lengths.count)
    for run in 0...runs {
      for (i, length) in lengths.enumerated() {
        let rate = try runner.prefill(length)
        if run > 0 { rates[i].append(rate) }
      }
    }
    report("prefill", lengths, rates)
  }

  private static func decode(_ runner: DecoderRuns, limit: Int, runs: Int) throws {
    let lengths = [512, 8192].filter { $0 <= limit }
    let sessions = try lengths.map {
      try DecodingSession(model: runner.model, engine: runner.engine, context: $0)
    }
    var rates = [[Double]](repeating: [], count: lengths.count)
    for run in 0...runs {
      for (i, length) in lengths.enumerated() {
        sessions[i].truncate(to: length - decoded)
        let rate = try runner.decode(decoded, session: sessions[i], context: length)
        if run > 0 { rates[i].append(rate) }
      }
    }
    report("decode", lengths, rates)
  }

  private static func report(_ name: String, _ lengths: [Int], _ rates: [[Double]]) {
    for (length, values) in zip(lengths, rates) {
      print(
        "\(name) at \(length): \(text(median(values))) tokens/s "
          + "(\(text(values.min() ?? 0)) to \(text(values.max() ?? 0)), "
          + "\(text(median(values) / median(rates[0]), 2)) of that at \(lengths[0]))")
    }
  }
}
