import FoundationEssentials
import Synchronization

/// Keeps what was loaded until it is told to let go: one load in flight for each model, uses counted,
/// every step an event. The rules are `ModelLifecycle`'s; this does what they say.
package final class ModelKeeper<Resource: Sendable>: Sendable {
  private struct State {
    var lifecycle = ModelLifecycle()
    var resources: [String: Resource] = [:]
    var loads: [String: Task<Resource, any Error>] = [:]
    var unloads: [String: Task<Void, Never>] = [:]
    /// Who waits for a model's last use to end.
    var waiters: [String: [CheckedContinuation<Void, Never>]] = [:]
    var listeners: [Int: AsyncStream<ModelEvent>.Continuation] = [:]
    var nextListener = 0
  }

  /// What a caller that wants a model has to do.
  private enum Entrance {
    case take(Resource)
    case load(Task<Resource, any Error>)
    case join(Task<Resource, any Error>)
    case afterUnload(Task<Void, Never>)
    case never
  }

  /// What a caller that lets go of a model has to do.
  private enum Exit {
    case unload(Task<Void, Never>)
    case afterLoad(Task<Resource, any Error>)
    case whenIdle
    case nothing
  }

  private let state = Mutex(State())
  /// Seconds that never go back.
  private let now: @Sendable () -> Double
  private let date: @Sendable () -> Date
  /// Makes everybody drop what they hold of a model; called before the model itself is dropped.
  private let letGo: @Sendable (_ id: String) async -> Void

  /// - Parameters:
  ///   - now, date: the clocks; tests give ones they move by hand.
  ///   - letGo: called when a model is unloaded, before the keeper drops it.
  package init(
    now: @escaping @Sendable () -> Double = ModelKeeper.seconds,
    date: @escaping @Sendable () -> Date = { Date() },
    letGo: @escaping @Sendable (_ id: String) async -> Void = { _ in }
  ) {
    self.now = now
    self.date = date
    self.letGo = letGo
  }

  /// Seconds of the clock that never goes back.
  @Sendable package static func seconds() -> Double {
    started.duration(to: .now) / .seconds(1)
  }

  deinit {
    state.withLock { for listener in $0.listeners.values { listener.finish() } }
  }

  // MARK: What there is

  /// Every step from now on. Ends when the keeper goes.
  package func events() -> AsyncStream<ModelEvent> {
    AsyncStream { continuation in
      let number = state.withLock { state in
        state.nextListener += 1
        state.listeners[state.nextListener] = continuation
        return state.nextListener
      }
      continuation.onTermination = { [weak self] _ in
        self?.state.withLock { _ = $0.listeners.removeValue(forKey: number) }
      }
    }
  }

  /// The lifecycle as it is now.
  package var lifecycle: ModelLifecycle { state.withLock { $0.lifecycle } }

  /// What is loaded under this id; nil while nothing is.
  package func resource(_ id: String) -> Resource? { state.withLock { $0.resources[id] } }

  // MARK: Loading

  /// The model, loaded if need be, with one more use: every call that returns is matched by one
  /// `endUse`. Callers at the same time share one load and its error.
  ///
  /// - Parameter charge: bytes the gate allowed it.
  package func use(
    _ id: String, charge: Int, reason: String,
    load: @escaping @Sendable () async throws -> Resource
  ) async throws -> Resource {
    while true {
      let next = change { state -> Entrance in
        switch state.lifecycle.want(id, charge: charge, now: now(), reason: reason) {
        case .use:
          guard let resource = state.resources[id] else { return .never }
          return .take(resource)
        case .load:
          // The task itself records how it ended: who waits for it finds the new state, and never
          // asks again and again while the first caller has yet to be given a thread.
          let task = Task.detached { [self] in try await finish(id, load) }
          state.loads[id] = task
          return .load(task)
        case .wait:
          if let task = state.loads[id] { return .join(task) }
          return state.unloads[id].map { .afterUnload($0) } ?? .never
        }
      }
      switch next {
      case .take(let resource): return resource
      case .join(let task): _ = try await task.value
      case .afterUnload(let task): await task.value
      case .never:
        throw CarrelError(
          .notInstalled, "\(id) is still being fetched; try again when it is there.")
      case .load(let task): return try await task.value
      }
    }
  }

  private func finish(_ id: String, _ load: () async throws -> Resource) async throws -> Resource {
    do {
      let resource = try await load()
      change { state in
        state.loads[id] = nil
        state.resources[id] = resource
        state.lifecycle.loaded(id, now: now(), reason: "loaded")
      }
      return resource
    } catch {
      change { state in
        state.loads[id] = nil
        state.lifecycle.failed(id, String(describing: error))
      }
      throw error
    }
  }

  /// One answer less works on the model.
  package func endUse(_ id: String) {
    let waiting = change { state -> [CheckedContinuation<Void, Never>] in
      state.lifecycle.endUse(id, now: now())
      guard state.lifecycle.entries[id]?.uses == 0 else { return [] }
      return state.waiters.removeValue(forKey: id) ?? []
    }
    for continuation in waiting { continuation.resume() }
  }

  // MARK: Unloading

  /// Drops a model. An answer in flight keeps it: the call waits for its end, or gives up at once.
  /// - Returns: whether this call unloaded it.
  @discardableResult
  package func unload(_ id: String, reason: String, waiting: Bool = true) async -> Bool {
    while true {
      let next = change { state -> Exit in
        if state.lifecycle.beginUnload(id, reason: reason) {
          let task = Task.detached { [self] in
            await letGo(id)
            drop(id)
            change { state in
              state.unloads[id] = nil
              state.lifecycle.unloaded(id, reason: "its memory is free")
            }
          }
          state.unloads[id] = task
          return .unload(task)
        }
        guard waiting else { return .nothing }
        if let task = state.loads[id] { return .afterLoad(task) }
        return state.lifecycle.state(of: id) == .ready ? .whenIdle : .nothing
      }
      switch next {
      case .nothing: return false
      case .afterLoad(let task): _ = try? await task.value
      case .whenIdle:
        await withCheckedContinuation { continuation in
          let isIdle = state.withLock { state in
            guard (state.lifecycle.entries[id]?.uses ?? 0) > 0 else { return true }
            state.waiters[id, default: []].append(continuation)
            return false
          }
          if isIdle { continuation.resume() }
        }
      case .unload(let task):
        await task.value
        return true
      }
    }
  }

  /// Unmapping takes a while: not under the lock, and before anybody is told it is done.
  private func drop(_ id: String) {
    let dropped = state.withLock { $0.resources.removeValue(forKey: id) }
    withExtendedLifetime(dropped) {}
  }

  /// Unloads what has been idle for `keepAlive` seconds (nil: for ever), or where memory is short the
  /// model that has been idle longest. Called from time to time.
  ///
  /// - Parameter pressure: why memory is short; nil while it is not. A model that was in use a moment
  ///   ago stays: what frees memory must not cost the next question its answer.
  package func tidy(keepAlive: Double?, pressure: String?) async {
    let now = now()
    let lifecycle = lifecycle
    if let keepAlive {
      for id in lifecycle.idle(for: keepAlive, now: now) {
        await unload(id, reason: "idle for \(Self.words(keepAlive))", waiting: false)
      }
    }
    if let pressure, let id = self.lifecycle.idle(for: 10, now: now).first {
      await unload(id, reason: "memory is short: \(pressure)", waiting: false)
    }
  }

  /// Seconds until the next idle model has been idle for `seconds`; nil when none is idle.
  package func nextIdle(after seconds: Double) -> Double? {
    lifecycle.nextIdle(after: seconds, now: now())
  }

  /// Records a step that happens to a model's files.
  package func record(_ body: (inout ModelLifecycle) -> Void) {
    change { body(&$0.lifecycle) }
  }

  /// "10 minutes", "30 seconds".
  private static func words(_ seconds: Double) -> String {
    let whole = Int(seconds)
    let (count, unit) = whole >= 60 && whole % 60 == 0 ? (whole / 60, "minute") : (whole, "second")
    return "\(count) \(unit)\(count == 1 ? "" : "s")"
  }

  /// Changes the state and tells the listeners of every step, in order.
  private func change<Value>(_ body: (inout State) -> Value) -> Value {
    state.withLock { state in
      let value = body(&state)
      for step in state.lifecycle.takeSteps() {
        let event = ModelEvent(
          id: step.id, from: step.from, to: step.to, reason: step.reason, date: date())
        for listener in state.listeners.values { listener.yield(event) }
      }
      return value
    }
  }
}

/// When the clock of `ModelKeeper.seconds` began.
private let started = ContinuousClock.now
