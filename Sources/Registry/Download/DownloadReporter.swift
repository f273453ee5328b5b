// When a run tells what: often enough to look alive, seldom enough to cost nothing.

struct DownloadReporter {
  /// Seconds between two progress events.
  private static let interval = 0.1
  /// Seconds without a byte before it is said, and then between two such events.
  private static let stallNotice = 3.0

  private let total: Int
  private var meter: ProgressMeter
  private var last: DownloadProgress?
  private var nextProgress = -Double.infinity
  private var lastByte: Double
  private var nextStall: Double

  init(total: Int, done: Int, now: Double) {
    self.total = total
    meter = ProgressMeter(total: total, done: done, now: now)
    lastByte = now
    nextStall = now + Self.stallNotice
  }

  mutating func received(_ count: Int) {
    meter.received(count)
    lastByte = -1  // set to the time of the next report
  }

  /// The silence of a pause is no stall.
  mutating func restart(now: Double) {
    lastByte = now
    nextStall = now + Self.stallNotice
  }

  /// - Parameter isIdle: nothing is being asked for, so silence means nothing.
  mutating func report(
    done: Int, verification: (bytes: Int, total: Int)?, isIdle: Bool, now: Double
  ) -> [DownloadEvent] {
    var events: [DownloadEvent] = []
    if lastByte < 0 || verification != nil { restart(now: now) }
    if isIdle { nextStall = max(nextStall, now + Self.stallNotice) }
    if now >= nextStall {
      events.append(.stalled(seconds: now - lastByte))
      nextStall = now + 1
    }
    guard now >= nextProgress else { return events }
    nextProgress = now + Self.interval
    let progress = meter.progress(done: done, now: now)
    if progress != last {
      last = progress
      events.append(.progress(progress))
    }
    if let verification {
      events.append(.verifying(bytes: verification.bytes, total: verification.total))
    }
    return events
  }

  /// The last word on progress: everything is there.
  mutating func finish(now: Double) -> [DownloadEvent] {
    [.progress(meter.progress(done: total, now: now))]
  }
}
