// `Benchmarks cache`: what keeping keys and values in 8 bits saves, gains and loses beside 16.

import Compute
import Glibc
import Inference
import Storage
import Tokenization

enum CacheBenchmark {
  private static let decoded = 32

  /// Arguments: a decoder's file; a text file; the most tokens read (600); runs (5; 0: no speeds);
  /// threads.
  static func run(_ arguments: [String]) throws {
    guard arguments.count >= 2 else {
      throw BenchmarkError("usage: Benchmarks cache MODEL TEXT [TOKENS] [RUNS] [THREADS]")
    }
    func number(_ place: Int, _ standard: Int) -> Int {
      arguments.count > place ? max(1, Int(arguments[place]) ?? standard) : standard
    }
    let runner = try DecoderRuns(
      path: arguments[0], threads: arguments.count > 4 ? number(4, 1) : nil)
    let words = String(decoding: try SmallFile.read(arguments[1], limit: 1 << 30), as: UTF8.self)
    let ids = runner.model.tokenizer.encode(words).prefix(
      min(number(2, 600), runner.model.configuration.contextLength))
    try quality(runner, Array(ids))
    let runs = arguments.count > 3 ? Int(arguments[3]) ?? 5 : 5
    if runs > 0 { try speed(runner, runs: runs) }
  }

  /// The two distributions after each token of a text.
  private static func quality(_ runner: DecoderRuns, _ ids: [TokenID]) throws {
    let sessions = try [CacheElement.q16, .q8].map {
      try DecodingSession(
        model: runner.model, engine: runner.engine, context: max(1, ids.count), cache: $0)
    }
    var difference = DistributionDifference()
    // A few rows of logits at a time.
    for first in stride(from: 0, to: ids.count, by: 16) {
      let part = Array(ids[first..<min(first + 16, ids.count)])
      var rows: [[Float]] = []
      try sessions[0].extend(by: part) { _, logits in rows.append(Array(logits)) }
      try sessions[1].extend(by: part) { index, logits in
        let next = first + index + 1
        difference.add(rows[index], Array(logits), next: next < ids.count ? Int(ids[next]) : nil)
      }
    }
    print("after \(ids.count) tokens of text, q8 beside q16: \(difference)")
  }

  private static func speed(_ runner: DecoderRuns, runs: Int) throws {
    let elements: [CacheElement] = [.q16, .q8]
    for length in [512, 4096, 8192] where length <= runner.model.configuration.contextLength {
      let sessions = try elements.map {
        try DecodingSession(
          model: runner.model, engine: runner.engine, context: length, cache: $0)
      }
      var rates = elements.map { _ in [Double]() }
      for run in 0...runs {
        for (i, session) in sessions.enumerated() {
          session.truncate(to: length - decoded)
          let rate = try runner.decode(decoded, session: session, context: length)
          if run > 0 { rates[i].append(rate) }
        }
      }
      for (i, element) in elements.enumerated() {
        let bytes = runner.model.configuration.keyValueBytes(context: length, element: element)
        let values = rates[i]
        print(
          "\(element) at \(length): \(text(Double(bytes) / 1_048_576)) MiB, "
            + "decode \(text(median(values))) tokens/s "
            + "(\(text(values.min() ?? 0)) to \(text(values.max() ?? 0)), "
            + "\(text(median(values) / median(rates[0]), 2)) of q16)")
      }
    }
  }
}

/// How far the second of two next-token distributions is from the first, over many positions.
struct DistributionDifference: CustomStringConvertible {
  private var divergences: [Double] = []
  private var misses = 0
  private var losses = (0.0, 0.0)
  private var scored = 0

  /// - Parameter next: the token that came, for the perplexities.
  mutating func add(_ a: [Float], _ b: [Float], next: Int?) {
    let (sumA, sumB) = (logOfSum(a), logOfSum(b))
    var divergence = 0.0
    var best = (0, 0)
    for i in a.indices {
      let p = Double(a[i]) - sumA
      divergence += exp(p) * (p - (Double(b[i]) - sumB))
      if a[i] > a[best.0] { best.0 = i }
      if b[i] > b[best.1] { best.1 = i }
    }
    divergences.append(divergence)
    if best.0 != best.1 { misses += 1 }
    guard let next else { return }
    losses.0 += sumA - Double(a[next])
    losses.1 += sumB - Double(b[next])
    scored += 1
  }

  private func logOfSum(_ x: [Float]) -> Double {
    let top = Double(x.max() ?? 0)
    return top + log(x.reduce(0.0) { $0 + exp(Double($1) - top) })
  }

  var description: String {
    let mean = divergences.reduce(0, +) / Double(max(1, divergences.count))
    let count = Double(max(1, scored))
    return "KL divergence mean \(text(mean, 7)), worst \(text(divergences.max() ?? 0, 6)); "
      + "likeliest token differs at \(misses) of \(divergences.count); "
      + "perplexity \(text(exp(losses.0 / count), 4)) and \(text(exp(losses.1 / count), 4))"
  }
}
