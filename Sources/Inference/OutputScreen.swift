import Compute
import Tensors
import Tokenization

/// Finds the logits near the highest without reading the whole output matrix: products with the coarse
/// matrix say which tokens can be among them, and theirs alone are computed (`CoarseMatrix`). The
/// logits found are the same bits as those of all.
final class OutputScreen: Sendable {
  let rows: MatrixRows
  let coarse: CoarseMatrix

  init(rows: MatrixRows, coarse: CoarseMatrix) {
    self.rows = rows
    self.coarse = coarse
  }

  /// Weights of an output matrix that are worth it: below, making the coarse one takes longer than most
  /// answers gain.
  private static let leastWeights = 1 << 24

  static func isWorthwhile(_ type: ElementType, _ plan: DecoderConfiguration) -> Bool {
    plan.logitCap == 0 && plan.vocabulary * plan.hidden >= leastWeights
      && CoarseMatrix.isPossible(type)
  }

  /// The part of a vocabulary that may be left open: beyond, everything is computed.
  private static let mostOpen = 16

  /// - Parameters:
  ///   - approximate: products with the coarse matrix, [vocabulary]. Changed for a while.
  ///   - coarseInput: what they were made of, as its token `token`.
  ///   - input: what the logits are made of: the same, or rounded less.
  /// - Returns: nil where too many tokens stay open, or a value is not what it can be.
  func near(
    _ reach: LogitReach, _ approximate: UnsafeMutableBufferPointer<Float>,
    _ coarseInput: PreparedInput, _ input: PreparedInput, token: Int, engine: Engine
  ) -> NearLogits? {
    let length = coarse.length(coarseInput, beside: input, token: token)
    guard length.isFinite else { return nil }
    let logits = UnsafeBufferPointer(approximate)
    func exact(_ ids: [TokenID]) -> [Float] {
      [Float](unsafeUninitializedCapacity: ids.count) { values, count in
        if let out = values.baseAddress {
          engine.multiply(ids, of: rows, input, token: token, into: out)
        }
        count = ids.count
      }
    }
    // Tokens that the penalty falls on are looked at one by one, and hidden from the passes over all.
    let penalised = reach.penalised.filter { $0 >= 0 && Int($0) < logits.count }
    let hidden = penalised.map { (id: $0, value: logits[Int($0)]) }
    for (id, _) in hidden { approximate[Int(id)] = -.infinity }
    defer { for (id, value) in hidden { approximate[Int(id)] = value } }

    // One that is surely high: all that is lower by more than the span and its own error is out.
    var first = Sampler.argmax(logits)
    var highest = logits[Int(first)]
    for (id, value) in hidden {
      let value = LogitReach.penalise(value, by: reach.penalty)
      if value > highest { (first, highest) = (id, value) }
    }
    var top = exact([first])[0]
    if penalised.contains(first) { top = LogitReach.penalise(top, by: reach.penalty) }
    guard top.isFinite else { return nil }
    let floor = top - reach.span

    let errors = coarse.errors
    var ids: [TokenID] = []
    let most = logits.count / Self.mostOpen
    logits.scan(with: errors, times: length, atLeast: floor) { id in
      ids.append(TokenID(id))
      return ids.count <= most
    }
    guard ids.count <= most else { return nil }
    for (id, value) in hidden {
      let upper = LogitReach.penalise(value + errors[Int(id)] * length, by: reach.penalty)
      if !(upper < floor) { ids.append(id) }
    }
    if !hidden.isEmpty { ids = Set(ids).sorted() }
    // It is not, where the rows have changed under the coarse ones.
    guard ids.contains(first) else { return nil }
    return NearLogits(ids: ids, values: exact(ids))
  }
}
