// Which models are in memory, who uses them and what they are charged with. Decisions only: nothing
// is opened, closed or timed here, so every order of events can be tried.

/// The states of all models and the steps between them.
package struct ModelLifecycle: Sendable {
  /// One step, without a date.
  package struct Step: Sendable, Equatable {
    package let id: String
    package let from: ModelState
    package let to: ModelState
    package let reason: String
  }

  package struct Entry: Sendable {
    package fileprivate(set) var state: ModelState
    /// Bytes it is charged with while it is loading, ready or unloading.
    package fileprivate(set) var charge = 0
    /// Answers in flight.
    package fileprivate(set) var uses = 0
    /// When it was last wanted, in seconds.
    package fileprivate(set) var lastUse = 0.0
  }

  /// What a caller that wants a model does next.
  package enum Access: Sendable, Equatable {
    /// It is ready and counts one more use.
    case use
    /// The caller loads it and then says `loaded` or `failed`.
    case load
    /// Another caller is loading it, or it is being unloaded: ask again when that is done.
    case wait
  }

  package private(set) var entries: [String: Entry] = [:]
  private var steps: [Step] = []

  package init() {}

  /// The state of a model, `installed` for one that was never wanted: callers ask for what is there.
  package func state(of id: String) -> ModelState { entries[id]?.state ?? .installed }

  /// Bytes all models in memory are charged with, each once.
  package var charged: Int { entries.values.reduce(0) { $0 + $1.charge } }

  /// Models in memory or on their way there.
  package var resident: [String] {
    entries.filter { [.loading, .ready, .unloading].contains($0.value.state) }.keys.sorted()
  }

  /// Ready models nobody uses, the one least recently used first.
  package var idle: [String] {
    entries.filter { $0.value.state == .ready && $0.value.uses == 0 }
      .sorted { ($0.value.lastUse, $0.key) < ($1.value.lastUse, $1.key) }.map(\.key)
  }

  /// Steps taken since this was last asked.
  package mutating func takeSteps() -> [Step] {
    defer { steps = [] }
    return steps
  }

  // MARK: Loading and use

  /// - Parameter charge: bytes the gate allowed it.
  package mutating func want(_ id: String, charge: Int, now: Double, reason: String) -> Access {
    switch state(of: id) {
    case .ready:
      entries[id]?.uses += 1
      entries[id]?.lastUse = now
      return .use
    case .loading, .unloading, .downloading: return .wait
    case .installed, .notInstalled, .failed:
      // Whoever asks has found its files.
      if state(of: id) == .notInstalled { step(id, to: .installed, "its files are there") }
      step(id, to: .loading, reason)
      entries[id]?.charge = charge
      entries[id]?.lastUse = now
      return .load
    }
  }

  /// A load ended well; the caller's use counts from here on.
  package mutating func loaded(_ id: String, charge: Int? = nil, now: Double, reason: String) {
    guard state(of: id) == .loading else { return }
    step(id, to: .ready, reason)
    if let charge { entries[id]?.charge = charge }
    entries[id]?.uses = 1
    entries[id]?.lastUse = now
  }

  package mutating func failed(_ id: String, _ sentence: String) {
    switch state(of: id) {
    case .loading, .downloading:
      step(id, to: .failed(sentence), sentence)
      entries[id]?.charge = 0
    default: break
    }
  }

  package mutating func endUse(_ id: String, now: Double) {
    guard let entry = entries[id], entry.uses > 0 else { return }
    entries[id]?.uses -= 1
    entries[id]?.lastUse = now
  }

  // MARK: Unloading

  /// Begins to unload a ready model that nobody uses. False when there is nothing to do, or when an
  /// answer is in flight.
  package mutating func beginUnload(_ id: String, reason: String) -> Bool {
    guard let entry = entries[id], entry.state == .ready, entry.uses == 0 else { return false }
    step(id, to: .unloading, reason)
    return true
  }

  package mutating func unloaded(_ id: String, reason: String) {
    guard state(of: id) == .unloading else { return }
    step(id, to: .installed, reason)
    entries[id]?.charge = 0
  }

  /// Ready models that nobody used for `seconds`.
  package func idle(for seconds: Double, now: Double) -> [String] {
    idle.filter { id in entries[id].map { now - $0.lastUse >= seconds } ?? false }
  }

  /// Seconds until the next model has been idle for `seconds`; nil when none is idle.
  package func nextIdle(after seconds: Double, now: Double) -> Double? {
    idle.compactMap { entries[$0]?.lastUse }.min().map { max(0, $0 + seconds - now) }
  }

  // MARK: Files

  /// A model's files are being fetched.
  package mutating func downloading(_ id: String, from known: ModelState, done: Int, total: Int) {
    if entries[id] == nil { entries[id] = Entry(state: known) }
    let next = ModelState.downloading(done: done, total: total)
    guard state(of: id).mayBecome(next) else { return }
    if case .downloading = state(of: id) {
      entries[id]?.state = next
    } else {
      step(id, to: next, "asked for")
    }
  }

  /// A download ended: with all files, or with what `state` says.
  package mutating func downloaded(_ id: String, _ next: ModelState, reason: String) {
    guard case .downloading = state(of: id) else { return }
    step(id, to: next, reason)
  }

  /// A model's files were removed. False while it is in memory.
  package mutating func removed(_ id: String, reason: String) -> Bool {
    guard state(of: id).mayBecome(.notInstalled) else { return false }
    step(id, to: .notInstalled, reason)
    return true
  }

  private mutating func step(_ id: String, to next: ModelState, _ reason: String) {
    let from = state(of: id)
    guard from.mayBecome(next) else { return }
    entries[id, default: Entry(state: from)].state = next
    steps.append(Step(id: id, from: from, to: next, reason: reason))
  }
}
