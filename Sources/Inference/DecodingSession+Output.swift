import Compute
import Tokenization

/// The logits after some of the newest batch's tokens, computed when they are asked for.
struct PendingOutput {
  enum Content { case nothing, upperBounds, whole }

  /// Rows of the stream.
  var rows = 0..<0
  /// What `memory` holds of all of them; beside upper bounds there are `tops`.
  var content = Content.nothing
  /// [row][vocabulary]
  var memory: FloatBuffer
  /// [row][tiles of the coarse matrix]
  var tops: FloatBuffer
  /// Rows of the stream that show what the others are like, those among them.
  var sample = 0..<0
  /// What screening has saved lately, in rows of the matrix.
  var saved = 0
  /// Logits that were found by screening.
  var found = 0

  /// How many rows of the stream are to be in `sample` where a prompt has them.
  static let sampled = 32

  /// Room for so many rows.
  init(vocabulary: Int, rows: Int) {
    memory = FloatBuffer(count: rows * vocabulary)
    tops = FloatBuffer(count: rows * CoarseMatrix.tiles(rows: vocabulary))
  }

  /// Makes room for so many rows, and then for those of any draft; the content is lost.
  mutating func reserve(vocabulary: Int, rows: Int) {
    content = .nothing
    guard memory.count < rows * vocabulary else { return }
    let room = PendingOutput(vocabulary: vocabulary, rows: max(rows, DraftPolicy.longest + 1))
    (memory, tops) = (room.memory, room.tops)
  }
}

/// The logits after one token.
package struct TokenOutput {
  let session: DecodingSession
  /// Among those of the latest `advance`.
  let row: Int

  /// All of them, [vocabulary]: valid until the timeline is next changed or asked for others.
  package var logits: UnsafeBufferPointer<Float> { session.wholeLogits(row) }

  /// The token that `sampler` chooses: the same as from all logits, of which mostly a few are computed.
  package func choose(_ sampler: inout Sampler, history: ArraySlice<TokenID>) -> TokenID {
    if let reach = sampler.reach(history), let near = session.nearLogits(row, reach) {
      return sampler.sample(near, history: history)
    }
    return sampler.sample(logits, history: history)
  }
}

extension DecodingSession {
  /// The logits after the last token; meaningful while `hasLogits`.
  package var output: TokenOutput {
    TokenOutput(session: self, row: max(0, pending.rows.count - 1))
  }

  /// How many logits were computed by themselves, without the others of their token, in all choices so far.
  package var screenedLogits: Int { pending.found }

  /// All logits after the last token, [vocabulary]; meaningful while `hasLogits`.
  package var logits: UnsafeBufferPointer<Float> { output.logits }

  /// From now on the logits after these rows of the stream can be asked for.
  func expect(_ rows: Range<Int>) {
    pending.rows = rows
    pending.sample = rows
    pending.reserve(vocabulary: plan.vocabulary, rows: rows.count)
    for row in rows { norm(row, weights.outputNorm) }
    let normed = buffers.normed + rows.lowerBound * plan.hidden
    // Few tokens come here, and nothing after it averages its error.
    engine.prepare(
      normed, tokens: rows.count, columns: plan.hidden, into: buffers.input,
      precision: precision == .mixed ? .int16 : precision)
  }

  fileprivate func wholeLogits(_ row: Int) -> UnsafeBufferPointer<Float> {
    if pending.content != .whole, !pending.rows.isEmpty {
      let out = pending.memory.pointer
      engine.multiply(weights.output, buffers.input, into: out)
      if plan.logitCap > 0 {
        kernels.softCap(out, count: pending.rows.count * plan.vocabulary, cap: plan.logitCap)
      }
      pending.content = .whole
    }
    return UnsafeBufferPointer(
      start: pending.memory.pointer + row * plan.vocabulary, count: plan.vocabulary)
  }

  /// Those that are in reach; nil where all are to be looked at.
  fileprivate func nearLogits(_ row: Int, _ reach: LogitReach) -> NearLogits? {
    guard isScreening, pending.content != .whole, !pending.rows.isEmpty else { return nil }
    guard let screen = model.screen(engine, typical: typicalOutputs) else {
      isScreening = false
      return nil
    }
    if pending.content == .nothing {
      // For one token the weights are waited for, for more the arithmetic: half and a little will do.
      screen.coarse.upperBounds(
        of: buffers.input,
        precision: pending.rows.count > 1 && precision != .int8 ? .mixed : buffers.input.precision,
        in: coarseInput, into: pending.memory.pointer, tops: pending.tops.pointer, engine: engine)
      pending.content = .upperBounds
    }
    let tiles = CoarseMatrix.tiles(rows: plan.vocabulary)
    let bounds = LogitBounds(
      upper: UnsafeBufferPointer(
        start: pending.memory.pointer + row * plan.vocabulary, count: plan.vocabulary),
      tops: UnsafeBufferPointer(start: pending.tops.pointer + row * tiles, count: tiles))
    let found = screen.near(reach, bounds, buffers.input, token: row, engine: engine)
    weigh(found)
    guard let found else {
      // The file is read for it: looked at in the mapping, all of it would stay in memory.
      engine.multiply(screen.rows, buffers.input, into: pending.memory.pointer)
      pending.content = .whole
      return nil
    }
    pending.found += found.ids.count
    return found
  }

  /// Where screening keeps failing it ends: at the latest when it has cost the time of sixteen full
  /// products more than it has saved lately.
  private func weigh(_ found: NearLogits?) {
    // The coarse matrix takes half of the time of the full one, a row that is looked for that of
    // sixteen, and reading the full one from the file that of three.
    let rows = plan.vocabulary
    pending.saved += rows / 2 - (found.map { 16 * $0.ids.count } ?? 3 * rows)
    pending.saved = min(pending.saved, 16 * rows)
    if pending.saved < -16 * rows { isScreening = false }
  }

  private func typicalOutputs() -> [UnsafeBufferPointer<Float>] {
    pending.sample.map { row in
      norm(row, weights.outputNorm)
      return UnsafeBufferPointer(start: buffers.normed + row * plan.hidden, count: plan.hidden)
    }
  }
}
