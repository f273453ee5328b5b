// One run of a plan: the loop that carries the decisions of DownloadState to the network and the
// disk. Everything happens on one thread, except hashing.

import Glibc
import Storage

/// Belongs to the thread that calls ``run()``.
final class DownloadRun {
  let plan: DownloadPlan
  let settings: HubSettings
  let control: DownloadControl
  private let send: (DownloadEvent) -> Void
  private var slots: [DownloadSlot]
  private let loop: TransferLoop
  /// Decisions made while libcurl was calling us; carried out when it has returned.
  private var deferred: [(slot: Int, action: DownloadState.Action)] = []
  private var failure: (any Error)?
  private var reporter: DownloadReporter
  private var isPaused = false
  private var now = MonotonicClock.now

  init(
    plan: DownloadPlan, settings: HubSettings, control: DownloadControl,
    emit: @escaping (DownloadEvent) -> Void
  ) throws(HubError) {
    self.plan = plan
    self.settings = settings
    self.control = control
    send = emit
    loop = try TransferLoop()
    slots = plan.items.map { DownloadSlot(file: $0.file, isDone: $0.isCached) }
    reporter = DownloadReporter(total: plan.totalBytes, done: plan.bytesOnDisk, now: now)
  }

  /// Returns when all files are verified and linked. Throws ``HubError`` or ``StorageError``; bytes
  /// on disk are kept then.
  func run() throws {
    try control.checkCancelled()
    connectCallbacks()
    if !plan.isComplete { try prepare() }
    try control.whileWaking(loop.waker) {
      do {
        while slots.contains(where: { $0.stage != .done }) { try turn() }
      } catch {
        letGo()
        throw error
      }
    }
    try plan.layout.link(plan.files, commit: plan.commit, revision: plan.reference.revision)
    reporter.finish(now: MonotonicClock.now).forEach(send)
    send(.finished(snapshot: plan.snapshot))
  }

  private func prepare() throws {
    if let variable = settings.offline {
      throw HubError(
        .offline, "\(plan.bytesToFetch) bytes are missing, and \(variable) forbids the network",
        subject: plan.reference.description)
    }
    try plan.layout.prepare()
    if let free = plan.layout.freeBytes() {
      try plan.checkSpace(free: free, margin: settings.diskMargin)
    }
  }

  // MARK: one turn of the loop

  private func turn() throws {
    now = MonotonicClock.now
    try control.checkCancelled()
    changePause()
    try openFiles()
    if !isPaused { assignConnections() }
    try carryOut()
    let ended = loop.step(wait: loop.count == 0 ? 0.02 : 0.1)
    now = MonotonicClock.now
    try carryOut()
    for (key, failure) in ended {
      let (slot, id) = Self.split(key)
      let body = slots[slot].takeRefusalText(id)
      dispatch(.ended(id: id, failure: failure, body: body), to: slot)
    }
    for slot in slots.indices where slots[slot].stage == .active {
      dispatch(.tick, to: slot)
      if let outcome = slots[slot].takeVerification() { try verified(outcome, slot) }
    }
    try carryOut()
    for slot in slots.indices { try slots[slot].saveIfDue(now: now) }
    report()
  }

  private func changePause() {
    guard control.isPaused != isPaused else { return }
    isPaused.toggle()
    for slot in slots.indices where slots[slot].stage == .active {
      dispatch(isPaused ? .pause : .resume, to: slot)
    }
    reporter.restart(now: now)
    if isPaused { send(.paused) }
  }

  /// Opens the next files while fewer than allowed are being fetched.
  private func openFiles() throws {
    var fetching = slots.count { $0.isFetching }
    for slot in slots.indices where fetching < settings.limits.files {
      guard slots[slot].stage == .queued, now >= slots[slot].nextAttempt else { continue }
      let file = slots[slot].file
      if plan.layout.hasBlob(file) {
        slots[slot].finish()
        continue
      }
      do throws(StorageError) {
        let partial = try PartialFile(file: file, layout: plan.layout, commit: plan.commit)
        // Whoever held the lock before may have finished meanwhile.
        if plan.layout.hasBlob(file) {
          slots[slot].finish()
          continue
        }
        let source = try source(of: file)
        slots[slot].open(partial, source: source, limits: settings.limits)
        if isPaused { dispatch(.pause, to: slot) }
        fetching += 1
      } catch {
        guard error.code == .locked else { throw error }
        if slots[slot].nextAttempt == 0 {
          send(.waiting(path: file.path, holder: error.message))
        }
        slots[slot].nextAttempt = now + 0.2
      }
    }
  }

  private func source(of file: HubFile) throws(StorageError) -> DownloadSource {
    do {
      return try DownloadSource(
        settings: settings, repository: plan.reference.repository, commit: plan.commit,
        path: file.path)
    } catch {
      throw StorageError(.notFound, error.message, path: file.path)
    }
  }

  /// Gives free connections to files in turn, one each, until none is free or nobody wants one.
  private func assignConnections() {
    var free = settings.limits.connections - slots.reduce(0) { $0 + $1.openFlights }
    var isWanted = true
    while free > 0, isWanted {
      isWanted = false
      for slot in slots.indices where free > 0 && slots[slot].stage == .active {
        let actions = slots[slot].state?.begin(slots: 1, now: now) ?? []
        for action in actions {
          if case .request = action {
            free -= 1
            isWanted = true
          }
          deferred.append((slot, action))
        }
      }
    }
  }

  // MARK: events in, actions out

  private func dispatch(_ event: DownloadState.Event, to slot: Int) {
    for action in slots[slot].state?.handle(event, now: now) ?? [] {
      deferred.append((slot, action))
    }
  }

  private func carryOut() throws {
    while !deferred.isEmpty {
      let batch = deferred
      deferred = []
      for (slot, action) in batch { try carryOut(action, slot) }
    }
    if let failure { throw failure }
  }

  private func carryOut(_ action: DownloadState.Action, _ slot: Int) throws {
    switch action {
    case .request(let id, let url, let range, let authorized):
      slots[slot].clearRefusalText(id)
      try loop.start(
        Self.key(slot, id),
        TransferRequest(
          url: url, range: range,
          token: authorized && settings.isAuthorized(url) ? settings.token : nil,
          connectTimeout: settings.limits.stallSeconds))
    case .abort(let id): loop.abort(Self.key(slot, id))
    case .truncate: try slots[slot].partial?.truncate(now: now)
    case .verify: try slots[slot].startVerification(now: now, control: control)
    case .commit:
      try slots[slot].partial?.commitBlob()
      slots[slot].finish()
    case .note(let error, let pause): send(.retrying(error, after: pause))
    case .failed(let error): failure = failure ?? error
    case .write: break  // carried out at once, in receive()
    }
  }

  private func verified(_ outcome: DownloadSlot.Verification, _ slot: Int) throws {
    switch outcome {
    case .right: dispatch(.verified(found: nil), to: slot)
    case .wrong(let found): dispatch(.verified(found: found), to: slot)
    case .broken(let error): throw error
    }
  }

  // MARK: called by libcurl, inside loop.step

  private func connectCallbacks() {
    loop.onHead = { [unowned self] key, head in
      let (slot, id) = Self.split(key)
      for action in slots[slot].state?.handle(.answered(id: id, head), now: now) ?? [] {
        // Before any byte of the new body is written.
        if case .truncate = action { truncateNow(slot) } else { deferred.append((slot, action)) }
      }
    }
    loop.onBody = { [unowned self] key, bytes in
      let (slot, id) = Self.split(key)
      return receive(slot, id, bytes)
    }
  }

  private func truncateNow(_ slot: Int) {
    do {
      try slots[slot].partial?.truncate(now: now)
    } catch {
      failure = failure ?? error
    }
  }

  private func receive(_ slot: Int, _ id: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
    guard failure == nil, let partial = slots[slot].partial else { return false }
    slots[slot].keepRefusalText(id, bytes)
    var goesOn = true
    let event = DownloadState.Event.received(id: id, count: bytes.count)
    for action in slots[slot].state?.handle(event, now: now) ?? [] {
      switch action {
      case .write(_, let offset, let count):
        do throws(StorageError) {
          try partial.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: offset)
          reporter.received(count)
        } catch {
          // The state believes the bytes are there; nothing is saved after this.
          slots[slot].isTainted = true
          failure = failure ?? error
          return false
        }
      case .abort(let other) where other == id:
        goesOn = false
        deferred.append((slot, action))
      default: deferred.append((slot, action))
      }
    }
    return goesOn
  }

  // MARK: the end, and telling

  /// Closes everything and leaves the partial files to the next run.
  private func letGo() {
    for slot in slots.indices {
      for action in slots[slot].state?.handle(.localFailure(Self.stopped), now: now) ?? [] {
        if case .abort(let id) = action { loop.abort(Self.key(slot, id)) }
      }
      slots[slot].release(now: now)
    }
  }

  private static let stopped = HubError(.cancelled, "stopped", subject: "download")

  private func report() {
    let isIdle = isPaused || loop.count == 0
    let done = slots.reduce(0) { $0 + $1.bytesDone }
    reporter.report(
      done: done, verification: verification(), isIdle: isIdle, now: now
    ).forEach(send)
  }

  /// Bytes hashed of those to hash, when nothing is left to fetch.
  private func verification() -> (bytes: Int, total: Int)? {
    let hashing = slots.filter { $0.state?.phase == .verifying }
    guard !hashing.isEmpty, !slots.contains(where: { $0.isFetching || $0.stage == .queued }) else {
      return nil
    }
    return (
      hashing.reduce(0) { $0 + $1.bytesVerified }, hashing.reduce(0) { $0 + $1.file.size }
    )
  }

  private static func key(_ slot: Int, _ id: Int) -> Int { slot << 40 | id }
  private static func split(_ key: Int) -> (slot: Int, id: Int) {
    (key >> 40, key & (1 << 40 - 1))
  }
}
