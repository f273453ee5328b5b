// The life of one file's download, without any I/O: what happened goes in, what to do comes out.
//
//   fetching ──all bytes──▶ verifying ──right──▶ done
//      ▲  │                     │
//      │  └─pause─▶ paused      └─wrong─▶ fetching again (once), then failed
//
// The file is a set of byte ranges held and some flights, each a request for one missing range.
// A flight first asks the Hub; where the Hub redirects to another host, the signed address is kept
// and later flights go straight there, until it is refused, when the Hub is asked again.
// What makes a file right is its hash from the tree of a fixed commit, never anything a delivery
// server says; what servers say is only checked for agreement.

package struct DownloadState: Sendable {
  package enum Phase: Sendable, Equatable {
    case fetching, paused, verifying, done
    case failed(HubError)
  }

  package enum Event: Sendable {
    /// The status and headers of flight `id` came.
    case answered(id: Int, HTTPHead)
    /// `count` bytes of the body came.
    case received(id: Int, count: Int)
    /// The transfer is over; `body` is the start of a refusal's text.
    case ended(id: Int, failure: HubError?, body: String)
    /// Time passes.
    case tick
    case pause, resume
    /// The hash was computed: nil when right, else what it is.
    case verified(found: String?)
    /// This machine cannot go on (disk full, cancelled).
    case localFailure(HubError)
  }

  package enum Action: Sendable, Equatable {
    /// Ask `url`; `range` nil means the whole file. A token goes along only when `authorized`.
    case request(id: Int, url: HubURL, range: Range<Int>?, authorized: Bool)
    case abort(id: Int)
    /// The `count` bytes just received belong at `offset`; anything after them is not wanted.
    case write(id: Int, offset: Int, count: Int)
    /// Forget all bytes on disk.
    case truncate
    case verify
    /// The bytes are the file: make it a blob.
    case commit
    /// For the log: what went wrong and how long until the next attempt, in seconds.
    case note(HubError, retryAfter: Double)
    case failed(HubError)
  }

  struct Flight: Sendable {
    /// What was asked for; the whole file when no `Range` was sent.
    var range: Range<Int>
    var sentRange: Bool
    /// Where the next byte goes.
    var cursor: Int
    var url: HubURL
    var hops = 0
    /// The redirect to follow when this answer has ended.
    var next: HubURL?
    /// Set when the answer is a success whose body is the bytes.
    var accepted = false
    /// Set when the answer is a refusal, to be told apart when its body is here.
    var refusal: HTTPHead?
    var discarded = 0
    var windowStart: Double
    var windowBytes = 0
  }

  package let file: HubFile
  package internal(set) var phase: Phase = .fetching
  /// Bytes on disk that this download put there, or found there from an earlier run.
  package internal(set) var have: RangeSet<Int>
  var flights: [Int: Flight] = [:]
  let source: DownloadSource
  let limits: DownloadLimits
  private let pieceBytes: Int
  /// Where the Hub's redirect led, while it is still good.
  var signed: HubURL?
  /// The server answered a range with the whole file, or the first hash was wrong: one connection.
  var serial = false
  /// The server refused a range outright: ask for the whole file, as if nothing were held.
  var wholeOnly = false
  var refusedRanges = 0
  var nextID = 0
  private var wrongHashes = 0
  /// Failures in a row without a byte more than ever before.
  package internal(set) var failures = 0
  /// Flights older than this were begun before the last failure, and fail for the same reason.
  var countedBelow = 0
  private var best: Int
  var notBefore = -Double.infinity

  package init(
    file: HubFile, source: DownloadSource, limits: DownloadLimits, have: RangeSet<Int> = RangeSet()
  ) {
    self.file = file
    self.source = source
    self.limits = limits
    self.have = have.intersection(RangeSet(0..<file.size))
    pieceBytes = limits.pieceBytes(for: file.size)
    best = self.have.byteCount
  }

  /// Bytes held.
  package var done: Int { have.byteCount }
  package var openFlights: Int { flights.count }

  // MARK: asking for more

  /// New requests, at most `slots`; also the move to verification when nothing is missing, so that
  /// a file that was complete on disk, or is empty, needs no request at all.
  package mutating func begin(slots: Int, now: Double) -> [Action] {
    guard phase == .fetching else { return [] }
    if done == file.size { return startVerification() }
    guard now >= notBefore else { return [] }
    var actions: [Action] = []
    var open = slots
    while open > 0, !(serial || wholeOnly) || flights.isEmpty, let range = nextGap() {
      // A request for everything goes without a Range header: the simplest thing a server can do.
      let isWhole = range == 0..<file.size
      let id = nextID
      nextID += 1
      let url = signed ?? source.url
      flights[id] = Flight(
        range: range, sentRange: !isWhole, cursor: range.lowerBound, url: url, windowStart: now)
      actions.append(
        .request(
          id: id, url: url, range: isWhole ? nil : range, authorized: source.isAuthorized(url)))
      open -= 1
    }
    return actions
  }

  /// The first missing bytes that no flight is bringing, at most one piece.
  private func nextGap() -> Range<Int>? {
    if wholeOnly { return 0..<file.size }
    var missing = RangeSet(0..<file.size)
    missing.subtract(have)
    for flight in flights.values { missing.remove(contentsOf: flight.range) }
    guard let gap = missing.ranges.first else { return nil }
    let limit = serial ? file.size : pieceBytes
    return gap.lowerBound..<min(gap.upperBound, gap.lowerBound + limit)
  }

  // MARK: what happened

  package mutating func handle(_ event: Event, now: Double) -> [Action] {
    switch event {
    case .answered(let id, let head): return answered(id, head, now: now)
    case .received(let id, let count): return received(id, count, now: now)
    case .ended(let id, let failure, let body):
      return ended(id, failure: failure, body: body, now: now)
    case .tick: return checkStalls(now: now)
    case .pause:
      guard phase == .fetching else { return [] }
      phase = .paused
      return abortAll()
    case .resume:
      guard phase == .paused else { return [] }
      phase = .fetching
      (failures, notBefore) = (0, now)
      return []
    case .verified(let found): return verified(found)
    case .localFailure(let error):
      guard phase != .done else { return [] }
      return fail(error)
    }
  }

  private mutating func received(_ id: Int, _ count: Int, now: Double) -> [Action] {
    guard var flight = flights[id] else { return [.abort(id: id)] }
    flight.windowBytes += count
    guard flight.accepted else {
      // A refusal's text or a redirect's body: short, or not worth waiting for.
      flight.discarded += count
      flights[id] = flight
      return flight.discarded > 1 << 16 ? [.abort(id: id)] : []
    }
    let taken = min(count, flight.range.upperBound - flight.cursor)
    let offset = flight.cursor
    flight.cursor += taken
    flights[id] = flight
    if taken > 0 { have.insert(contentsOf: offset..<(offset + taken)) }
    if done > best {
      best = done
      (failures, refusedRanges, wholeOnly) = (0, 0, false)
    }
    var actions: [Action] = taken > 0 ? [.write(id: id, offset: offset, count: taken)] : []
    if done == file.size {
      actions += startVerification()
    } else if taken < count {
      // More than was asked for: the rest belongs to another flight.
      flights[id] = nil
      actions.append(.abort(id: id))
    }
    return actions
  }

  private mutating func checkStalls(now: Double) -> [Action] {
    guard phase == .fetching else { return [] }
    var actions: [Action] = []
    for id in flights.keys.sorted() {
      guard let flight = flights[id], now - flight.windowStart >= limits.stallSeconds else {
        continue
      }
      if Double(flight.windowBytes) < limits.slowestRate * (now - flight.windowStart) {
        flights[id] = nil
        actions.append(.abort(id: id))
        let seconds = Int((now - flight.windowStart).rounded())
        actions += retry(
          id,
          HubError(
            .stalled, "no data worth the name for \(seconds) s (\(flight.windowBytes) bytes)",
            subject: file.path),
          now: now)
        if phase != .fetching { break }
      } else {
        flights[id]?.windowStart = now
        flights[id]?.windowBytes = 0
      }
    }
    return actions
  }

  private mutating func verified(_ found: String?) -> [Action] {
    guard phase == .verifying else { return [] }
    guard let found else {
      phase = .done
      return [.commit]
    }
    wrongHashes += 1
    let error = HubError(
      .corrupted,
      "all \(file.size) bytes came, but their hash is \(found), expected \(file.hash.hex)",
      subject: file.path)
    var actions = forget()
    if wrongHashes > 1 { return actions + fail(error) }
    // Once more, from the start and in one piece: a server confused about ranges is then harmless.
    phase = .fetching
    (serial, signed, best, failures) = (true, nil, 0, 0)
    actions.append(.note(error, retryAfter: 0))
    return actions
  }
}

extension RangeSet where Bound == Int {
  /// How many bytes the ranges hold.
  package var byteCount: Int { ranges.reduce(0) { $0 + $1.count } }
}
