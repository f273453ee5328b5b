import Compute
import Tensors
import Tokenization

/// Finds the logits near the highest without reading the whole output matrix: the coarse one says which
/// tokens can be among them, and theirs alone are computed (`CoarseMatrix`). The logits found are the same
/// bits as those of all.
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
  ///   - bounds: of the logits of one token.
  ///   - input: what the logits are made of, as its token `token`.
  /// - Returns: nil where too many tokens stay open, or a value is not what it can be.
  func near(
    _ reach: LogitReach, _ bounds: LogitBounds, _ input: PreparedInput, token: Int, engine: Engine
  ) -> NearLogits? {
    func exact(_ ids: [TokenID]) -> NearLogits {
      let values = [Float](unsafeUninitializedCapacity: ids.count) { values, count in
        if let out = values.baseAddress {
          engine.multiply(ids, of: rows, input, token: token, into: out)
        }
        count = ids.count
      }
      return NearLogits(ids: ids, values: values)
    }
    let upper = bounds.upper
    let penalised = reach.penalised.filter { upper.indices.contains(Int($0)) }

    // Some that are surely high: all that stay below them by more than the span are out.
    var highest = -Float.infinity
    let likely = exact(bounds.likeliest(besides: penalised))
    for (id, value) in zip(likely.ids, likely.values) {
      // It is higher than it can be where the rows have changed under the coarse ones.
      guard !(value > upper[Int(id)]) else { return nil }
      guard value.isFinite else { continue }
      let isPenalised = penalised.contains(id)
      highest = max(highest, isPenalised ? LogitReach.penalise(value, by: reach.penalty) : value)
    }
    let floor = highest - reach.span
    guard floor.isFinite else { return nil }

    // A penalty may raise a logit too: those are looked at one by one.
    func isOpen(_ id: TokenID) -> Bool {
      !(LogitReach.penalise(upper[Int(id)], by: reach.penalty) < floor)
    }
    var ids: [TokenID] = []
    let most = upper.count / Self.mostOpen
    upper.scan(notBelow: floor) { id in
      ids.append(TokenID(id))
      return ids.count <= most
    }
    guard ids.count <= most else { return nil }
    if !penalised.isEmpty {
      ids.removeAll(where: penalised.contains)
      ids = (ids + penalised.filter(isOpen)).sorted()
    }
    return exact(ids)
  }
}

/// What is known of the logits after one token before any is computed.
struct LogitBounds {
  /// What they stay below, [vocabulary].
  let upper: UnsafeBufferPointer<Float>
  /// The largest of what each `CoarseMatrix.tileRows` of them most likely are.
  let tops: UnsafeBufferPointer<Float>

  /// The tokens of the most promising rows that lie together; and of those among which there is none of
  /// `others`.
  func likeliest(besides others: Set<TokenID>) -> [TokenID] {
    let size = CoarseMatrix.tileRows
    let avoided = Set(others.map { Int($0) / size })
    var (best, free): (Int, Int?) = (0, nil)
    for tile in tops.indices {
      if tops[tile] > tops[best] { best = tile }
      if !avoided.isEmpty, tops[tile] > free.map({ tops[$0] }) ?? -.infinity,
        !avoided.contains(tile)
      {
        free = tile
      }
    }
    return Set([best, free ?? best]).sorted().flatMap { tile in
      (tile * size..<min((tile + 1) * size, upper.count)).map(TokenID.init)
    }
  }
}
