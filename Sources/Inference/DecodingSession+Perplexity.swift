import Tokenization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension DecodingSession {
  /// exp of the mean of −log p(token | all tokens before it), over every token but the first. What
  /// the timeline held is dropped. Infinity for fewer than two tokens.
  package func perplexity(of ids: [TokenID]) throws -> Double {
    truncate(to: 0)
    guard ids.count > 1 else { return .infinity }
    var sum = 0.0
    try extend(by: Array(ids.dropLast())) { index, logits in
      let largest = Double(logits.max() ?? 0)
      let total = logits.reduce(0.0) { $0 + exp(Double($1) - largest) }
      sum += log(total) + largest - Double(logits[Int(ids[index + 1])])
    }
    return exp(sum / Double(ids.count - 1))
  }
}
