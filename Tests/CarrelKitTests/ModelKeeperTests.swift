import CarrelKit
import Foundation
import Synchronization
import Testing

@Suite("Keeping models and letting them go")
struct ModelKeeperTests {
  /// A value shared between tasks.
  private final class Box<Value: Sendable>: Sendable {
    private let content: Mutex<Value>
    init(_ value: Value) { content = Mutex(value) }
    var value: Value { content.withLock { $0 } }
    func change(_ body: @Sendable (inout Value) -> Void) { content.withLock { body(&$0) } }
  }

  /// A clock moved by hand.
  private final class HandClock: Sendable {
    private let now = Box(0.0)
    var seconds: Double { now.value }
    func move(_ by: Double) { now.change { $0 += by } }
  }

  /// A model that says when it is gone.
  private final class FakeModel: Sendable {
    let onEnd: @Sendable () -> Void
    init(_ onEnd: @escaping @Sendable () -> Void) { self.onEnd = onEnd }
    deinit { onEnd() }
  }

  private struct Broken: Error, CustomStringConvertible {
    let description = "no such file"
  }

  private func keeper(
    _ clock: HandClock, letGo: @escaping @Sendable (String) async -> Void = { _ in }
  ) -> ModelKeeper<FakeModel> {
    ModelKeeper(
      now: { clock.seconds },
      date: { Date(timeIntervalSince1970: clock.seconds) }, letGo: letGo)
  }

  @Test("Twenty callers at once cause one load")
  func sharedLoad() async throws {
    let keeper = keeper(HandClock())
    let loads = Box(0)
    try await withThrowingTaskGroup(of: ObjectIdentifier.self) { group in
      for _ in 0..<20 {
        group.addTask {
          let model = try await keeper.use("a", charge: 1, reason: "asked for") {
            loads.change { $0 += 1 }
            try await Task.sleep(for: .milliseconds(20))
            return FakeModel {}
          }
          return ObjectIdentifier(model)
        }
      }
      var models: Set<ObjectIdentifier> = []
      for try await model in group { models.insert(model) }
      #expect(models.count == 1)
    }
    #expect(loads.value == 1)
    #expect(keeper.lifecycle.entries["a"]?.uses == 20)
  }

  @Test("A load that fails gives its error to all who wait, and the next caller tries again")
  func sharedFailure() async throws {
    let keeper = keeper(HandClock())
    let loads = Box(0)
    let failures = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<5 {
        group.addTask {
          do {
            _ = try await keeper.use("a", charge: 1, reason: "asked for") {
              loads.change { $0 += 1 }
              try await Task.sleep(for: .milliseconds(50))
              throw Broken()
            }
            return false
          } catch { return error is Broken }
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(failures == 5)
    #expect(keeper.lifecycle.state(of: "a") == .failed("no such file"))
    _ = try await keeper.use("a", charge: 1, reason: "asked for") { FakeModel {} }
    #expect(keeper.lifecycle.state(of: "a") == .ready)
  }

  @Test("An idle model leaves after its time and not before; never means never")
  func idle() async throws {
    let clock = HandClock()
    let gone = Box(false)
    let told = Box<[String]>([])
    let keeper = keeper(clock) { id in told.change { $0.append(id) } }
    _ = try await keeper.use("a", charge: 7, reason: "asked for") {
      FakeModel { gone.change { $0 = true } }
    }
    clock.move(10_000)
    await keeper.tidy(keepAlive: 600, pressure: nil)
    #expect(keeper.lifecycle.state(of: "a") == .ready, "an answer is in flight")
    keeper.endUse("a")
    clock.move(599)
    await keeper.tidy(keepAlive: 600, pressure: nil)
    await keeper.tidy(keepAlive: nil, pressure: nil)
    #expect(keeper.lifecycle.state(of: "a") == .ready)
    #expect(keeper.nextIdle(after: 600) == 1)
    clock.move(1)
    await keeper.tidy(keepAlive: 600, pressure: nil)
    #expect(keeper.lifecycle.state(of: "a") == .installed)
    #expect(gone.value, "its memory is free when the step is told")
    #expect(told.value == ["a"], "sessions were told to let go")
    #expect(keeper.lifecycle.charged == 0)
  }

  @Test("When memory is short the model idle longest leaves, one at a time, and none in use")
  func pressure() async throws {
    let clock = HandClock()
    let keeper = keeper(clock)
    for id in ["old", "new", "busy"] {
      _ = try await keeper.use(id, charge: 1, reason: "asked for") { FakeModel {} }
      clock.move(1)
    }
    keeper.endUse("old")
    clock.move(5)
    keeper.endUse("new")
    await keeper.tidy(keepAlive: nil, pressure: "5 % of the time")
    #expect(keeper.lifecycle.resident.count == 3, "what was in use a moment ago stays")
    clock.move(60)
    let events = keeper.events()
    await keeper.tidy(keepAlive: nil, pressure: "80 % of the time")
    #expect(keeper.lifecycle.resident == ["busy", "new"])
    await keeper.tidy(keepAlive: nil, pressure: "80 % of the time")
    await keeper.tidy(keepAlive: nil, pressure: "80 % of the time")
    #expect(keeper.lifecycle.resident == ["busy"])
    var first: ModelEvent?
    for await event in events {
      first = event
      break
    }
    #expect(first?.id == "old" && first?.to == .unloading)
    #expect(first?.reason.contains("80 % of the time") == true)
  }

  @Test("Unloading waits for the answer in flight, and a question in between loads anew")
  func waits() async throws {
    let keeper = keeper(HandClock())
    _ = try await keeper.use("a", charge: 1, reason: "asked for") { FakeModel {} }
    #expect(await keeper.unload("a", reason: "asked for", waiting: false) == false)
    let unloading = Task { await keeper.unload("a", reason: "asked for") }
    try await Task.sleep(for: .milliseconds(20))
    #expect(keeper.lifecycle.state(of: "a") == .ready)
    keeper.endUse("a")
    #expect(await unloading.value)
    #expect(keeper.lifecycle.state(of: "a") == .installed)
    _ = try await keeper.use("a", charge: 1, reason: "asked for") { FakeModel {} }
    #expect(keeper.lifecycle.entries["a"]?.uses == 1)
    #expect(await keeper.unload("nobody", reason: "asked for") == false)
  }

  @Test("Every step reaches every listener in order, with a date and a reason")
  func events() async throws {
    let clock = HandClock()
    let keeper = keeper(clock)
    let streams = [keeper.events(), keeper.events()]
    clock.move(42)
    _ = try await keeper.use("a", charge: 1, reason: "the best that fits") { FakeModel {} }
    keeper.endUse("a")
    await keeper.unload("a", reason: "asked for")
    for stream in streams {
      var seen: [ModelEvent] = []
      for await event in stream {
        seen.append(event)
        if seen.count == 4 { break }
      }
      #expect(seen.map(\.to.name) == ["loading", "ready", "unloading", "installed"])
      #expect(seen.map(\.from.name) == ["installed", "loading", "ready", "unloading"])
      #expect(seen.first?.reason == "the best that fits")
      #expect(seen.allSatisfy { $0.date == Date(timeIntervalSince1970: 42) && !$0.reason.isEmpty })
    }
  }

  @Test("Users and unloaders at the same time never see a model that is gone", arguments: 0..<4)
  func storm(round: Int) async throws {
    let keeper = keeper(HandClock())
    let alive = Box<[String: Int]>([:])
    await withTaskGroup(of: Void.self) { group in
      for worker in 0..<6 {
        group.addTask {
          var random = SplitMix(state: UInt64(round * 100 + worker))
          for _ in 0..<100 {
            let id = ["a", "b"][random.below(2)]
            if random.below(3) == 0 {
              await keeper.unload(id, reason: "asked for", waiting: random.below(2) == 0)
              continue
            }
            let model = try? await keeper.use(id, charge: 1, reason: "asked for") {
              alive.change { $0[id, default: 0] += 1 }
              return FakeModel { alive.change { $0[id, default: 0] -= 1 } }
            }
            #expect(model != nil)
            #expect(keeper.lifecycle.state(of: id) == .ready)
            #expect(alive.value[id, default: 0] >= 1)
            await Task.yield()
            keeper.endUse(id)
          }
        }
      }
    }
    for id in ["a", "b"] { await keeper.unload(id, reason: "the end") }
    // The task that loaded a model holds its result until its thread is done with it.
    for _ in 0..<1000 where alive.value.values.contains(where: { $0 != 0 }) {
      try? await Task.sleep(for: .milliseconds(1))
    }
    #expect(alive.value.values.allSatisfy { $0 == 0 }, "what was loaded was let go of")
    #expect(keeper.lifecycle.charged == 0)
  }
}
