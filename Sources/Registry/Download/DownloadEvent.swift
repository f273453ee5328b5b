// What a download tells while it goes on.

package enum DownloadEvent: Sendable {
  /// The Hub is asked which commit and files the reference means.
  case resolving(HubReference)
  /// The files and their bytes are known; nothing has been fetched yet.
  case planned(DownloadPlan)
  case progress(DownloadProgress)
  /// No byte has come for so many seconds.
  case stalled(seconds: Double)
  /// Something failed and is tried again after so many seconds.
  case retrying(HubError, after: Double)
  /// Another process is fetching this file; this one waits for it.
  case waiting(path: String, holder: String)
  case paused
  /// Hashes are computed: bytes read of those to read. A phase of its own, after the bytes came.
  case verifying(bytes: Int, total: Int)
  /// All files are verified and visible at this path.
  case finished(snapshot: String)
}

/// Bytes of all files of a plan together.
package struct DownloadProgress: Sendable, Equatable {
  /// On disk, at the start or since; never less than told before.
  package let bytes: Int
  package let total: Int
  /// Bytes per second over the last five seconds; nil before there is anything to measure.
  package let rate: Double?
  /// Seconds, at that rate.
  package let secondsLeft: Double?
}

/// Makes progress out of counts and times.
package struct ProgressMeter: Sendable {
  private static let window = 5.0
  private let total: Int
  private var shown: Int
  private var received = 0
  private var samples: [(time: Double, received: Int)]

  /// - Parameter done: bytes on disk before anything is fetched.
  package init(total: Int, done: Int, now: Double) {
    self.total = total
    shown = min(done, total)
    samples = [(now, 0)]
  }

  /// `count` more bytes came over the network.
  package mutating func received(_ count: Int) { received += count }

  /// - Parameter done: bytes on disk now. It may fall, when a file starts over; what is shown then
  ///   waits until it has been reached again.
  package mutating func progress(done: Int, now: Double) -> DownloadProgress {
    shown = max(shown, min(done, total))
    samples.append((now, received))
    while samples.count > 2, now - samples[1].time >= Self.window { samples.removeFirst() }
    let (start, before) = samples[0]
    let rate =
      now - start >= 0.2 && received > 0 ? Double(received - before) / (now - start) : nil
    let left: Double? =
      done >= total ? 0 : rate.flatMap { $0 > 0 ? Double(total - done) / $0 : nil }
    return DownloadProgress(bytes: shown, total: total, rate: rate, secondsLeft: left)
  }
}
