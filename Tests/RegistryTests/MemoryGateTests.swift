import Registry
import Testing

private let gib = 1 << 30
private let mib = 1 << 20

@Suite("Choosing a model by memory")
struct MemoryGateTests {
  /// A model that takes `weights` and `perToken` bytes for each token of context.
  private func candidate(
    _ id: String, rank: Int, weights: Int, perToken: Int = 0, maximum: Int = 131_072
  ) -> MemoryGate.Candidate {
    MemoryGate.Candidate(id: id, rank: rank, maximumContext: maximum) {
      MemoryNeed(weights: weights, kv: perToken * $0, scratch: 64 * mib)
    }
  }

  private func machine(total: Int, available: Int) -> MemorySnapshot {
    MemorySnapshot(limits: [
      .init(source: "/proc/meminfo", limit: total, used: total - available, reclaimable: 0)
    ])
  }

  private var family: [MemoryGate.Candidate] {
    [
      candidate("small", rank: 200, weights: 94 * mib, perToken: 23_040, maximum: 8192),
      candidate("large", rank: 900, weights: 12 * gib, perToken: 24_576),
      candidate("middle", rank: 500, weights: 2 * gib, perToken: 114_688),
    ]
  }

  @Test("A server with 512 GiB takes the best model at the wanted context")
  func server() throws {
    let decision = MemoryGate.decide(
      snapshot: machine(total: 512 * gib, available: 500 * gib), candidates: family,
      context: 32_768, floor: 2048)
    let choice = try #require(decision.choice)
    #expect((choice.id, choice.context, choice.fits) == ("large", 32_768, true))
    #expect(decision.refused.isEmpty)
    #expect(decision.have.bytes == 499 * gib, "the reserve is at most 1 GiB")
    #expect(!decision.isForced)
  }

  @Test("A laptop with little memory takes a smaller model and says why not the better ones")
  func laptop() throws {
    let decision = MemoryGate.decide(
      snapshot: machine(total: 4 * gib, available: 1 * gib), candidates: family,
      context: 8192, floor: 2048)
    #expect(decision.choice?.id == "small")
    #expect(decision.refused.map(\.id) == ["large", "middle"])
    for verdict in decision.refused {
      #expect(!verdict.fits)
      #expect(verdict.context == 2048)
      #expect(verdict.reason.contains("fits when"), "\(verdict.reason)")
    }
    #expect(decision.have.reserve == 4 * gib / 20)
  }

  @Test("The context steps down before the model does, to the largest that fits")
  func contextFirst() throws {
    // After the reserve: 2 GiB of weights, 64 MiB of scratch, and room for exactly 5,000 tokens.
    let reserve = MemoryGate.reserve(total: 16 * gib)
    let available = 2 * gib + 64 * mib + 5000 * 114_688 + reserve
    let decision = MemoryGate.decide(
      snapshot: machine(total: 16 * gib, available: available), candidates: family,
      context: 8192, floor: 2048)
    let choice = try #require(decision.choice)
    #expect((choice.id, choice.context) == ("middle", 4864), "the multiple of 256 below 5,000")
    #expect(choice.reason.contains("4864"))
    #expect(choice.need.total <= (decision.have.bytes ?? 0))
  }

  @Test("Every available amount gives the largest context that fits, and never one that does not")
  func everyAmount() throws {
    let model = candidate("m", rank: 1, weights: 100 * mib, perToken: 100_000, maximum: 5000)
    for extra in stride(from: 0, through: 600 * mib, by: 3 * mib + 12_345) {
      let snapshot = machine(total: 2 * gib, available: 164 * mib + extra)
      let decision = MemoryGate.decide(
        snapshot: snapshot, candidates: [model], context: 8192, floor: 700)
      let have = try #require(decision.have.bytes)
      let contexts = [700] + Array(stride(from: 768, to: 5000, by: 256)) + [5000]
      let expected = contexts.last { model.need($0).total <= have }
      #expect(decision.choice?.context == expected, "\(extra)")
    }
  }

  @Test("A model's own maximum bounds its context, and a floor above it does not rule it out")
  func maximum() {
    let short = candidate("short", rank: 1, weights: mib, maximum: 512)
    let decision = MemoryGate.decide(
      snapshot: machine(total: 8 * gib, available: 8 * gib), candidates: [short], context: 8192,
      floor: 2048)
    #expect(decision.choice?.context == 512)
    #expect(decision.choice?.reason.contains("512") == true)
  }

  @Test("When nothing fits there is no choice, and the arithmetic is all there")
  func nothing() {
    let decision = MemoryGate.decide(
      snapshot: machine(total: 256 * mib, available: 100 * mib), candidates: family,
      context: 8192, floor: 2048)
    #expect(decision.choice == nil)
    #expect(decision.refused.count == 3)
    let text = decision.explanation
    #expect(
      text.contains(
        "have 36.0 MiB = 256.0 MiB (/proc/meminfo) - 156.0 MiB in use - 64.0 MiB reserve"))
    #expect(
      text.contains("weights 94.0 MiB (mapped, reclaimable) + kv 45.0 MiB + scratch 64.0 MiB"))
    #expect(text.hasSuffix("nothing fits"))
  }

  @Test("Force takes the best candidate at the wanted context and shows the same numbers")
  func force() throws {
    let snapshot = machine(total: 256 * mib, available: 100 * mib)
    let refused = MemoryGate.decide(
      snapshot: snapshot, candidates: family, context: 8192, floor: 2048)
    let forced = MemoryGate.decide(
      snapshot: snapshot, candidates: family, context: 8192, floor: 2048, force: true)
    let choice = try #require(forced.choice)
    #expect((choice.id, choice.context, choice.fits) == ("large", 8192, false))
    #expect(forced.isForced)
    #expect(forced.have == refused.have)
    #expect(choice.reason == refused.verdicts.first?.reason)
    #expect(forced.explanation.contains("forced, against the numbers"))

    let fits = MemoryGate.decide(
      snapshot: machine(total: 64 * gib, available: 60 * gib), candidates: family, context: 8192,
      floor: 2048, force: true)
    #expect(!fits.isForced, "nothing had to be forced")
  }

  @Test("Memory that this process holds already is credited: it serves the model that comes")
  func credit() {
    let snapshot = machine(total: 8 * gib, available: 2 * gib)
    let middle = [family[2]]
    let without = MemoryGate.decide(
      snapshot: snapshot, candidates: middle, context: 2048, floor: 2048)
    #expect(without.choice == nil)
    let with = MemoryGate.decide(
      snapshot: snapshot, candidates: middle, context: 2048, floor: 2048, credit: 1 * gib)
    #expect(with.choice?.id == "middle")
    #expect(with.have.arithmetic.contains("+ 1.0 GiB held by this process already"))
  }

  @Test("Addresses and pages are credited apart, and the limit that leaves least then counts")
  func twoCredits() {
    let snapshot = MemorySnapshot(limits: [
      .init(source: "/proc/meminfo", limit: 8 * gib, used: 5 * gib, reclaimable: 0),
      .init(
        source: "ulimit -v", limit: 4 * gib, used: 2 * gib, reclaimable: 0, countsAddresses: true),
    ])
    func have(_ credit: Int, _ addresses: Int) -> GateDecision.Have {
      MemoryGate.decide(
        snapshot: snapshot, candidates: [], context: 1, floor: 1, credit: credit,
        addressCredit: addresses
      ).have
    }
    #expect(have(0, 0).source == "ulimit -v")
    #expect(have(0, 2 * gib).source == "/proc/meminfo")
    #expect(have(1 * gib, 3 * gib).bytes == 4 * gib - MemoryGate.reserve(total: 4 * gib))
  }

  @Test("What others hold is part of the need, and printed as such")
  func others() {
    let need = MemoryNeed(
      weights: 100, kv: 20, scratch: 3, process: 40, processMapped: 30, others: 500)
    #expect(need.total == 663)
    #expect(need.own == 123)
    #expect(need.mapped == 130)
    #expect(need.anonymous == 33, "others are charged, but not this model's")
    #expect(need.arithmetic.contains("others"))
  }

  @Test("A container's limit is named, with what raising it would take")
  func container() {
    let snapshot = MemorySnapshot(limits: [
      .init(source: "/proc/meminfo", limit: 64 * gib, used: 4 * gib, reclaimable: 0),
      .init(
        source: "/sys/fs/cgroup/app/memory.max", limit: 1 * gib, used: 900 * mib,
        reclaimable: 500 * mib),
    ])
    let decision = MemoryGate.decide(
      snapshot: snapshot, candidates: [family[2]], context: 4096, floor: 2048)
    #expect(decision.choice == nil)
    #expect(decision.have.arithmetic.contains("+ 500.0 MiB reclaimable file cache"))
    let reason = decision.verdicts.first?.reason ?? ""
    #expect(reason.contains("/sys/fs/cgroup/app/memory.max (1.0 GiB) is raised"), "\(reason)")
  }

  @Test("Without any figure nothing is chosen unless forced")
  func unknown() {
    let blind = MemorySnapshot(limits: [], problems: ["/proc/meminfo is missing"])
    let decision = MemoryGate.decide(
      snapshot: blind, candidates: family, context: 4096, floor: 2048)
    #expect(decision.choice == nil)
    #expect(decision.have.bytes == nil)
    #expect(decision.explanation.contains("/proc/meminfo is missing"))
    let forced = MemoryGate.decide(
      snapshot: blind, candidates: family, context: 4096, floor: 2048, force: true)
    #expect(forced.choice?.id == "large")
  }

  @Test("No candidates and sizes beyond any machine are answered, not trapped on")
  func extremes() {
    let snapshot = machine(total: 8 * gib, available: 8 * gib)
    let none = MemoryGate.decide(snapshot: snapshot, candidates: [], context: 1, floor: 1)
    #expect(none.choice == nil)
    #expect(none.explanation.hasSuffix("no model is installed"))
    #expect(
      MemoryGate.decide(snapshot: snapshot, candidates: [], context: 1, floor: 1, force: true)
        .choice == nil)
    let huge = MemoryGate.Candidate(id: "huge", rank: 1, maximumContext: .max) { _ in
      MemoryNeed(weights: .max, kv: .max, scratch: .max)
    }
    let decision = MemoryGate.decide(
      snapshot: snapshot, candidates: [huge], context: .max, floor: 0)
    #expect(decision.choice == nil)
    #expect(decision.verdicts.first?.context == 1)
  }

  @Test("Candidates of one rank are tried in the order of their names")
  func ties() {
    let models = ["b", "a", "c"].map { candidate($0, rank: 5, weights: mib) }
    let decision = MemoryGate.decide(
      snapshot: machine(total: gib, available: gib), candidates: models, context: 256, floor: 256)
    #expect(decision.verdicts.map(\.id) == ["a", "b", "c"])
    #expect(decision.choice?.id == "a")
  }

  @Test(
    "Bytes are written as people read them",
    arguments: [
      (0, "0 KiB"), (1, "1 KiB"), (1024, "1 KiB"), (mib - 1, "1024 KiB"), (mib, "1.0 MiB"),
      (98_362_432, "93.8 MiB"), (gib - 1, "1.0 GiB"), (gib, "1.0 GiB"), (gib + gib / 2, "1.5 GiB"),
      (Int.max, "8589934592.0 GiB"), (-gib, "-1.0 GiB"),
    ])
  func bytes(count: Int, text: String) {
    #expect(ByteText.binary(count) == text)
  }
}
