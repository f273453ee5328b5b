// What a run keeps for each file of its plan.

import Storage
import Synchronization

struct DownloadSlot {
  enum Stage { case queued, active, done }

  enum Verification: Sendable {
    case right
    case wrong(found: String)
    case broken(StorageError)
  }

  let file: HubFile
  private(set) var stage: Stage
  var state: DownloadState?
  private(set) var partial: PartialFile?
  /// Seconds of the monotonic clock: when a file locked by another process is tried again. 0 before
  /// the first attempt.
  var nextAttempt = 0.0
  /// A write failed: what the state believes is not what is on disk.
  var isTainted = false
  /// The starts of answers that are no success, by flight.
  private var texts: [Int: [UInt8]] = [:]
  private var hashing: Hashing?

  init(file: HubFile, isDone: Bool) {
    self.file = file
    stage = isDone ? .done : .queued
  }

  var isFetching: Bool { stage == .active && state?.phase != .verifying }
  var openFlights: Int { state?.openFlights ?? 0 }
  var bytesDone: Int { stage == .done ? file.size : state?.done ?? 0 }
  var bytesVerified: Int { hashing?.bytes ?? 0 }

  mutating func open(_ partial: PartialFile, source: DownloadSource, limits: DownloadLimits) {
    self.partial = partial
    state = DownloadState(file: file, source: source, limits: limits, have: partial.found)
    stage = .active
  }

  /// The blob is there; gives the lock back.
  mutating func finish() {
    stage = .done
    partial = nil
    state = nil
    hashing = nil
  }

  func saveIfDue(now: Double) throws(StorageError) {
    guard stage == .active, !isTainted, let state, let partial else { return }
    try partial.saveIfDue(state.have, now: now)
  }

  /// A last note, then the lock goes. Errors are dropped: another error is already on its way.
  mutating func release(now: Double) {
    if !isTainted, let state, let partial { try? partial.release(state.have, now: now) }
    partial = nil
  }

  // MARK: words of refusals

  mutating func keepRefusalText(_ id: Int, _ bytes: UnsafeRawBufferPointer) {
    guard state?.isRefusal(id) ?? false else { return }
    let room = 512 - texts[id, default: []].count
    if room > 0 { texts[id, default: []].append(contentsOf: bytes.prefix(room)) }
  }

  mutating func takeRefusalText(_ id: Int) -> String {
    String(decoding: texts.removeValue(forKey: id) ?? [], as: UTF8.self)
  }

  mutating func clearRefusalText(_ id: Int) { texts[id] = nil }

  // MARK: verification

  /// Computed beside the loop; read by it.
  private final class Hashing: Sendable {
    private struct State {
      var bytes = 0
      var outcome: Verification?
    }
    private let state = Mutex(State())
    var bytes: Int { state.withLock { $0.bytes } }
    func advance(to bytes: Int) { state.withLock { $0.bytes = bytes } }
    func finish(_ outcome: Verification) { state.withLock { $0.outcome = outcome } }
    func take() -> Verification? {
      state.withLock { state in
        let outcome = state.outcome
        state.outcome = nil
        return outcome
      }
    }
  }

  mutating func startVerification(now: Double, control: DownloadControl) throws(StorageError) {
    guard let partial else { return }
    if let state { try partial.save(state.have, now: now) }
    let hashing = Hashing()
    self.hashing = hashing
    let file = file
    BackgroundWork.run {
      do throws(StorageError) {
        let found = try file.mismatch(at: partial.path) { bytes in
          hashing.advance(to: bytes)
          return !control.isCancelled
        }
        if let found {
          hashing.finish(.wrong(found: found))
        } else {
          try partial.flush()
          hashing.finish(.right)
        }
      } catch {
        hashing.finish(.broken(error))
      }
      control.wake()
    }
  }

  mutating func takeVerification() -> Verification? { hashing?.take() }
}

extension DownloadState {
  /// Whether flight `id` is being told why not.
  func isRefusal(_ id: Int) -> Bool { flights[id]?.refusal != nil }
}
