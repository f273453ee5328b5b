import Registry
import Testing

/// The state machine against a server made of random numbers, with a disk in memory.
@Suite struct DownloadStateFuzzTests {
  private struct World {
    var state: DownloadState
    var random: SeededGenerator
    /// What the file is, and what is on disk.
    let truth: [UInt8]
    var disk: [UInt8]
    /// Flights on the network, with the next byte's place in the answer's body.
    var flights: [Int: (range: Range<Int>?, body: [UInt8], at: Int, answered: Bool)] = [:]
    var now = 0.0
    var isOver = false

    mutating func chance(_ percent: Int) -> Bool {
      Int.random(in: 0..<100, using: &random) < percent
    }

    /// Carries out actions as the run does; `bytes` are those of the event that caused them.
    mutating func carryOut(_ actions: [DownloadState.Action], bytes: [UInt8] = []) {
      for action in actions {
        switch action {
        case .request(let id, _, let range, _):
          #expect(flights[id] == nil, "flight \(id) is open already")
          if let range { #expect(range.lowerBound >= 0 && range.upperBound <= truth.count) }
          flights[id] = (range, [], 0, false)
        case .abort(let id): flights[id] = nil
        case .write(_, let offset, let count):
          #expect(offset >= 0 && offset + count <= truth.count && count <= bytes.count)
          if offset + count > disk.count {
            disk += [UInt8](repeating: 0, count: offset + count - disk.count)
          }
          disk.replaceSubrange(offset..<(offset + count), with: bytes[..<count])
        case .truncate: disk = []
        case .verify:
          #expect(flights.isEmpty, "verifying while transfers run")
          #expect(disk.count == truth.count, "verifying \(disk.count) of \(truth.count) bytes")
          carryOut(state.handle(.verified(found: disk == truth ? nil : "wrong"), now: now))
        case .commit:
          #expect(disk == truth)
          isOver = true
        case .failed: isOver = true
        case .note: continue
        }
      }
    }

    /// Lets one random thing happen to a random flight.
    mutating func step(faults: Int) {
      now += 0.1
      carryOut(state.begin(slots: 4 - flights.count, now: now))
      guard !isOver, let id = flights.keys.sorted().randomElement(using: &random),
        var flight = flights[id]
      else { return }
      if !flight.answered {
        flight.answered = true
        flights[id] = flight
        answer(id, flight.range, faults: faults)
      } else if flight.at < flight.body.count, !chance(faults / 4) {
        let count = Int.random(in: 1...(flight.body.count - flight.at), using: &random)
        let bytes = Array(flight.body[flight.at..<(flight.at + count)])
        flights[id]?.at += count
        carryOut(state.handle(.received(id: id, count: count), now: now), bytes: bytes)
      } else {
        flights[id] = nil
        let failure =
          flight.at < flight.body.count || chance(faults / 8)
          ? HubError(.network, "broke", subject: "s") : nil
        carryOut(state.handle(.ended(id: id, failure: failure, body: ""), now: now))
      }
      if chance(2) { now += Double.random(in: 0...12, using: &random) }
      carryOut(state.handle(.tick, now: now))
      if chance(1) {
        carryOut(state.handle(.pause, now: now))
        #expect(flights.isEmpty)
        carryOut(state.handle(.resume, now: now))
      }
    }

    mutating func answer(_ id: Int, _ range: Range<Int>?, faults: Int) {
      let range = range ?? 0..<truth.count
      var body = Array(truth[range])
      var head = DownloadStateTests.part(range, of: truth.count)
      if flights[id]?.range == nil {
        head = HTTPHead(status: 200, headers: ["Content-Length": "\(truth.count)"])
      }
      if chance(faults) {
        switch Int.random(in: 0..<9, using: &random) {
        case 0:
          head = HTTPHead(
            status: [401, 403, 404, 410, 416, 429, 500, 503, 418][
              Int.random(in: 0..<9, using: &random)])
        case 1: head = HTTPHead(status: 302, headers: ["Location": "https://cdn.example/\(id)"])
        case 2:
          head = HTTPHead(status: 200)
          body = truth
        case 3: head = DownloadStateTests.part(range, of: truth.count + 1)
        case 4:
          let half = range.lowerBound..<(range.lowerBound + max(range.count / 2, 1))
          head = DownloadStateTests.part(half, of: truth.count)
          body = Array(truth[half])
        case 5: body += [1, 2, 3, 4]
        case 6 where !body.isEmpty && chance(20): body[body.count / 2] ^= 1
        case 7: body = Array(body.dropLast())
        default: break
        }
      }
      if head.status >= 300 { body = Array("no".utf8) }
      flights[id]?.body = body
      carryOut(state.handle(.answered(id: id, head), now: now))
    }
  }

  @Test(
    "Whatever a server answers, it ends, and what it commits is the file",
    arguments: [0, 10, 40, 90])
  func randomServer(faults: Int) throws {
    var done = 0
    for seed in 0..<400 {
      var random = SeededGenerator(seed: UInt64(seed * 101 + faults))
      let size = Int.random(in: 1...3000, using: &random)
      let truth = (0..<size).map { _ in UInt8.random(in: 0...255, using: &random) }
      var world = World(
        state: try DownloadStateTests.state(size: size) { $0.retryPause = 0.1 }, random: random,
        truth: truth, disk: [])
      var steps = 0
      while !world.isOver, steps < 200_000 {
        world.step(faults: faults)
        steps += 1
      }
      #expect(world.isOver, "seed \(seed) with \(faults) per cent faults did not end")
      if world.state.phase == .done { done += 1 }
    }
    if faults == 0 { #expect(done == 400) }
    #expect(faults > 50 || done > 0)
  }
}
