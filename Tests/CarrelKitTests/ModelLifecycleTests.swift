import CarrelKit
import Testing

@Suite("Which models are in memory")
struct ModelLifecycleTests {
  @Test("A load has one owner; others wait and then use what came of it")
  func oneLoad() {
    var models = ModelLifecycle()
    let outcome1 = models.want("a", charge: 100, now: 0, reason: "asked for")
    #expect(outcome1 == .load)
    let outcome2 = models.want("a", charge: 100, now: 1, reason: "asked for")
    #expect(outcome2 == .wait)
    #expect(models.charged == 100, "a model on its way counts once")
    models.loaded("a", now: 2, reason: "loaded")
    let outcome3 = models.want("a", charge: 100, now: 3, reason: "asked for")
    #expect(outcome3 == .use)
    #expect(models.entries["a"]?.uses == 2)
    let steps = models.takeSteps().map(\.to)
    #expect(steps == [.loading, .ready])
    let more = models.takeSteps()
    #expect(more.isEmpty)
  }

  @Test("A model in use is not unloaded; an idle one is, and costs nothing then")
  func unloading() {
    var models = ModelLifecycle()
    _ = models.want("a", charge: 100, now: 0, reason: "asked for")
    models.loaded("a", now: 0, reason: "loaded")
    let outcome4 = models.beginUnload("a", reason: "asked for")
    #expect(!outcome4)
    models.endUse("a", now: 5)
    #expect(models.idle(for: 10, now: 14.9) == [])
    #expect(models.idle(for: 10, now: 15) == ["a"])
    #expect(models.nextIdle(after: 10, now: 6) == 9)
    let outcome5 = models.beginUnload("a", reason: "idle")
    #expect(outcome5)
    let outcome6 = models.want("a", charge: 100, now: 16, reason: "asked for")
    #expect(outcome6 == .wait)
    models.unloaded("a", reason: "gone")
    #expect(models.charged == 0)
    #expect(models.state(of: "a") == .installed)
  }

  @Test("A load that fails says why, costs nothing and may be tried again")
  func failure() {
    var models = ModelLifecycle()
    _ = models.want("a", charge: 100, now: 0, reason: "asked for")
    models.failed("a", "its header is broken")
    #expect(models.state(of: "a") == .failed("its header is broken"))
    #expect(models.charged == 0)
    let outcome7 = models.want("a", charge: 50, now: 1, reason: "asked for")
    #expect(outcome7 == .load)
  }

  @Test("A model is fetched, loaded, let go of and removed, and never removed while in memory")
  func wholeLife() {
    var models = ModelLifecycle()
    models.downloading("a", from: .notInstalled, done: 0, total: 10)
    let outcome8 = models.want("a", charge: 1, now: 0, reason: "asked for")
    #expect(outcome8 == .wait)
    models.downloading("a", from: .notInstalled, done: 7, total: 10)
    #expect(models.state(of: "a") == .downloading(done: 7, total: 10))
    models.downloaded("a", .installed, reason: "verified")
    _ = models.want("a", charge: 1, now: 0, reason: "asked for")
    models.loaded("a", now: 0, reason: "loaded")
    let outcome9 = models.removed("a", reason: "asked for")
    #expect(!outcome9)
    models.endUse("a", now: 0)
    _ = models.beginUnload("a", reason: "asked for")
    let outcome10 = models.removed("a", reason: "asked for")
    #expect(!outcome10)
    models.unloaded("a", reason: "gone")
    let outcome11 = models.removed("a", reason: "asked for")
    #expect(outcome11)
    let names = models.takeSteps().map(\.to.name)
    #expect(
      names == [
        "downloading", "installed", "loading", "ready", "unloading", "installed", "notInstalled",
      ])
  }

  /// What a world around the lifecycle believes, kept by other rules than its own.
  private struct Shadow {
    var loading: Set<String> = []
    var ready: [String: Int] = [:]
    var unloading: Set<String> = []
    var charge: [String: Int] = [:]
  }

  @Test(
    "In any order of events each model is loaded once, counted once, and steps are legal",
    arguments: UInt64(1)...40)
  func anyOrder(seed: UInt64) {
    var random = SplitMix(state: seed)
    var models = ModelLifecycle()
    var shadow = Shadow()
    var states: [String: ModelState] = [:]
    var now = 0.0
    for _ in 0..<2000 {
      let id = ["a", "b", "c"][random.below(3)]
      now += Double(random.below(5))
      switch random.below(7) {
      case 0, 1:
        let charge = 1 + random.below(100)
        switch models.want(id, charge: charge, now: now, reason: "asked for") {
        case .load:
          #expect(!shadow.loading.contains(id) && shadow.ready[id] == nil)
          #expect(!shadow.unloading.contains(id))
          shadow.loading.insert(id)
          shadow.charge[id] = charge
        case .use:
          #expect(shadow.ready[id] != nil)
          shadow.ready[id, default: 0] += 1
        case .wait:
          #expect(shadow.loading.contains(id) || shadow.unloading.contains(id))
        }
      case 2:
        models.loaded(id, now: now, reason: "loaded")
        if shadow.loading.remove(id) != nil { shadow.ready[id] = 1 }
      case 3:
        models.failed(id, "broken")
        if shadow.loading.remove(id) != nil { shadow.charge[id] = nil }
      case 4:
        models.endUse(id, now: now)
        if let uses = shadow.ready[id] { shadow.ready[id] = max(0, uses - 1) }
      case 5:
        let begun = models.beginUnload(id, reason: "idle")
        #expect(begun == (shadow.ready[id] == 0))
        if begun {
          shadow.ready[id] = nil
          shadow.unloading.insert(id)
        }
      default:
        models.unloaded(id, reason: "gone")
        if shadow.unloading.remove(id) != nil { shadow.charge[id] = nil }
      }
      for step in models.takeSteps() {
        let from = states[step.id] ?? .installed
        #expect(step.from == from, "\(step.id): a step from where it was not")
        #expect(step.from.mayBecome(step.to), "\(step.from) to \(step.to)")
        #expect(!step.reason.isEmpty)
        states[step.id] = step.to
      }
      #expect(models.charged == shadow.charge.values.reduce(0, +))
      #expect(
        Set(models.resident) == shadow.loading.union(shadow.unloading).union(shadow.ready.keys))
    }
  }
}

/// A small generator with a seed (SplitMix64).
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
