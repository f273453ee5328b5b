// `Benchmarks steps`: what a step that checks guesses costs beside one that writes a single token.

import Compute
import Inference
import Tokenization

enum StepBenchmark {
  /// Arguments: a decoder's file; tokens before the step (512); runs (20); threads.
  static func run(_ arguments: [String]) throws {
    guard let path = arguments.first else {
      throw BenchmarkError("usage: Benchmarks steps MODEL [CONTEXT] [RUNS] [THREADS]")
    }
    func number(_ place: Int) -> Int? { arguments.count > place ? Int(arguments[place]) : nil }
    let context = max(1, number(1) ?? 512)
    let runner = try DecoderRuns(path: path, threads: number(3))
    let session = try DecodingSession(
      model: runner.model, engine: runner.engine, context: context + DraftPolicy.longest + 1)
    let ids = runner.text(context + DraftPolicy.longest + 1)
    try session.sync(to: Array(ids.prefix(context)))
    var sampler = Sampler(.greedy)
    var times = [[Double]](repeating: [], count: DraftPolicy.longest + 1)
    for run in 0...max(1, number(2) ?? 20) {
      for guesses in 0...DraftPolicy.longest {
        let draft = Array(ids[(context + 1)..<(context + 1 + guesses)])
        session.truncate(to: context)
        let time = try seconds {
          if guesses == 0 {
            try session.advance(ids[context])
            _ = session.output.choose(&sampler, history: [])
            return
          }
          var place = 0
          _ = try session.advance(ids[context], drafting: draft) { output in
            defer { place += 1 }
            _ = output.choose(&sampler, history: [])
            return place < draft.count ? draft[place] : nil
          }
        }
        if run > 0 { times[guesses].append(time) }
      }
    }
    let plain = median(times[0])
    for (guesses, values) in times.enumerated() {
      print(
        "\(guesses + 1) tokens: \(text(1000 * median(values), 2)) ms, "
          + "\(text(median(values) / plain, 2)) of one")
    }
  }
}
