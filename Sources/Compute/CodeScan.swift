import CKernels

/// The state of one search. Each thread writes its own entries; thresholds are shared.
final class CodeScan: @unchecked Sendable {
  struct Candidate {
    var part: UInt32
    var row: UInt32
    var upper: Float
  }

  /// What one thread knows of one query.
  struct Found {
    /// The best lower bounds: the last of them is a threshold.
    var lower: TopRows
    /// The best of the rows scored already.
    var best: TopRows
    var candidates: [Candidate] = []
    var rescored = 0
  }

  let kernels: CodeKernels
  let parts: [CodePart]
  let columns: Int
  /// [query]
  let exact: [ExactProduct]
  let limit: Int
  let count: Int
  let threads: Int
  let sumsSpread: Bool
  /// [thread][query]
  private let found: UnsafeMutablePointer<Found>
  private let coded: UnsafeMutablePointer<ck_code_query>
  private let spreads: UnsafeMutablePointer<ck_code_spread>
  private let counts: UnsafeMutablePointer<UInt32>
  /// [thread][query][rows of a unit]
  private let hits: UnsafeMutablePointer<ck_code_hit>
  /// [query]: bits of the largest threshold known, as an integer in the order of the floats.
  private let shared: UnsafeMutablePointer<UInt32>
  private let stride = CodeSearch.unitBlocks * CodeLayout.blockRows

  init(
    kernels: CodeKernels, parts: [CodePart], columns: Int, exact: [ExactProduct],
    coded: [ck_code_query], limit: Int, threads: Int, sumsSpread: Bool
  ) {
    self.kernels = kernels
    self.parts = parts
    self.columns = columns
    self.exact = exact
    self.limit = limit
    self.threads = threads
    self.sumsSpread = sumsSpread
    count = coded.count
    let slots = threads * coded.count
    found = .allocate(capacity: slots)
    let rows = parts.reduce(0) { $0 + $1.rows }
    let kept = TopRows(capacity: min(self.limit, rows))
    found.initialize(repeating: Found(lower: kept, best: kept), count: slots)
    self.coded = .allocate(capacity: slots)
    for thread in 0..<threads {
      (self.coded + thread * count).initialize(from: coded, count: count)
    }
    spreads = .allocate(capacity: slots)
    spreads.initialize(repeating: ck_code_spread(), count: slots)
    counts = .allocate(capacity: slots)
    counts.initialize(repeating: 0, count: slots)
    hits = .allocate(capacity: slots * stride)
    shared = .allocate(capacity: count)
    shared.initialize(repeating: Self.ordered(-.infinity), count: count)
  }

  deinit {
    found.deinitialize(count: threads * count)
    found.deallocate()
    coded.deallocate()
    spreads.deallocate()
    counts.deallocate()
    hits.deallocate()
    shared.deallocate()
  }

  /// Scans one unit for every query.
  func work(_ unit: CodeSearch.Unit, thread: Int) {
    let part = parts[unit.part]
    let first = thread * count
    for query in 0..<count { coded[first + query].threshold = threshold(query) }
    var rows = ck_code_rows(codes: part.codes, facts: part.facts, groups: (columns + 3) / 4)
    kernels.functions.pointee.scan(
      &rows, unit.blocks.lowerBound, unit.blocks.upperBound, coded + first, count, part.mask,
      hits + first * stride, stride, counts + first, sumsSpread ? spreads + first : nil)
    for query in 0..<count where counts[first + query] > 0 && limit > 0 {
      take(
        UnsafeBufferPointer(
          start: hits + (first + query) * stride, count: Int(counts[first + query])),
        part: unit.part, query: query, found + first + query)
    }
  }

  private func take(
    _ hits: UnsafeBufferPointer<ck_code_hit>, part: Int, query: Int,
    _ own: UnsafeMutablePointer<Found>
  ) {
    // Rows past the end are marked so that they give no hit; a damaged file may say otherwise.
    let rows = parts[part].rows
    for hit in hits where Int(hit.row) < rows {
      own.pointee.lower.offer(ScoredRow(row: Int(hit.row), score: hit.lower))
      own.pointee.candidates.append(
        Candidate(part: UInt32(part), row: hit.row, upper: hit.upper))
    }
    raise(query, to: own.pointee.lower.threshold)
    if own.pointee.candidates.count >= CodeSearch.mostCandidates {
      score(query, own)
      raise(query, to: own.pointee.best.threshold)
    }
  }

  /// Scores the candidates that still reach the threshold, and forgets all.
  private func score(_ query: Int, _ own: UnsafeMutablePointer<Found>) {
    let least = threshold(query)
    exact[query].withProduct { product in
      for candidate in own.pointee.candidates where candidate.upper >= least {
        let part = parts[Int(candidate.part)]
        let row = Int(candidate.row)
        own.pointee.best.offer(
          ScoredRow(row: Int(part.ids[row]), score: Float(product(part.floats + row * columns))))
        own.pointee.rescored += 1
      }
    }
    own.pointee.candidates.removeAll(keepingCapacity: true)
  }

  /// After all units: scores what every thread left of one query.
  func finish(_ query: Int) {
    // Together the threads know a better threshold than each alone.
    var lower = found[query].lower
    for thread in 1..<max(1, threads) {
      for row in found[thread * count + query].lower.rows { lower.offer(row) }
    }
    raise(query, to: lower.threshold)
    for thread in 0..<threads { score(query, found + thread * count + query) }
  }

  func result(_ query: Int) -> CodeResult {
    var best = found[query].best
    var spread = CodeSpread()
    var rescored = 0
    for thread in 0..<threads {
      let slot = thread * count + query
      if thread > 0 { for row in found[slot].best.rows { best.offer(row) } }
      spread.sum += spreads[slot].sum
      spread.squares += spreads[slot].squares
      spread.count += spreads[slot].count
      rescored += found[slot].rescored
    }
    return CodeResult(best: best.sorted(), spread: spread, rescored: rescored)
  }

  // MARK: Thresholds

  /// Each value ever stored is a valid threshold, so a lost race costs time and never a row.
  private func raise(_ query: Int, to value: Float) {
    let bits = Self.ordered(value)
    if bits > ck_atomic_load(shared + query) { ck_atomic_store(shared + query, bits) }
  }

  private func threshold(_ query: Int) -> Float {
    let bits = ck_atomic_load(shared + query)
    return Float(bitPattern: bits & 0x8000_0000 != 0 ? bits & 0x7fff_ffff : ~bits)
  }

  /// The float's bits, so that larger floats have larger integers.
  private static func ordered(_ value: Float) -> UInt32 {
    let bits = value.bitPattern
    return bits & 0x8000_0000 != 0 ? ~bits : bits | 0x8000_0000
  }
}
