import Compute
import Foundation
import Inference
import Testing
import Tokenization

/// What a timeline keeps, drops, refuses and reports.
@Suite struct DecodingSessionTests {
  static func session(
    _ name: String = "gptoss-micro", context: Int = 400, batch: Int = 32
  ) throws -> DecodingSession {
    try DecodingSession(
      model: .open(path: Fixtures.path("\(name).gguf")),
      engine: Engine(pool: WorkerPool(threads: 2), kernels: .fast), context: context, batch: batch)
  }

  static func prompt(_ count: Int, seed: UInt64 = 1) -> [TokenID] {
    var random = RandomSource(seed: seed)
    return (0..<count).map { _ in TokenID.random(in: 0..<300, using: &random) }
  }

  static func bits(_ session: DecodingSession) -> [UInt32] { session.logits.map(\.bitPattern) }

  @Test("A sync evaluates only what the timeline lacks")
  func reuse() throws {
    let session = try Self.session()
    let prompt = Self.prompt(50)
    #expect(try session.sync(to: prompt) == .init(reused: 0, evaluated: 50, cancelled: false))
    #expect(try session.sync(to: prompt) == .init(reused: 50, evaluated: 0, cancelled: false))
    let longer = prompt + Self.prompt(7, seed: 2)
    #expect(try session.sync(to: longer) == .init(reused: 50, evaluated: 7, cancelled: false))
    let other = Array(longer.prefix(53)) + [900, 901]
    #expect(try session.sync(to: other) == .init(reused: 53, evaluated: 2, cancelled: false))
    #expect(session.tokens == other)
  }

  @Test("A shorter sequence evaluates its last token again and gives its logits")
  func shorter() throws {
    let session = try Self.session()
    let prompt = Self.prompt(50)
    try session.sync(to: Array(prompt.prefix(45)))
    let expected = Self.bits(session)
    try session.sync(to: prompt)
    #expect(
      try session.sync(to: Array(prompt.prefix(45)))
        == .init(reused: 44, evaluated: 1, cancelled: false))
    #expect(Self.bits(session) == expected)
  }

  @Test(
    "Going back any distance gives the logits of a fresh evaluation, also past a ring's memory",
    arguments: ["gptoss-micro", "gemma3", "mistral-window"])
  func rollback(name: String) throws {
    let session = try Self.session(name)
    let fresh = try Self.session(name)
    let prompt = Self.prompt(350)
    var restarts = 0
    for keep in [349, 340, 300, 260, 130, 64, 20, 1] {
      try session.sync(to: prompt)
      let branch = Array(prompt.prefix(keep)) + Self.prompt(9, seed: UInt64(keep))
      let result = try session.sync(to: branch)
      #expect(result.reused <= keep)
      if result.reused == 0 { restarts += 1 }
      try fresh.sync(to: [])
      try fresh.sync(to: branch)
      #expect(Self.bits(session) == Self.bits(fresh), "kept \(keep)")
    }
    #expect(restarts > 0, "the rings are meant to be too short for the longest way back")
    #expect(restarts < 8)
  }

  @Test("A stopped sync keeps the whole batches done, and a second one goes on from there")
  func cancel() throws {
    let session = try Self.session()
    let fresh = try Self.session()
    let prompt = Self.prompt(100)
    let stopped = try session.sync(to: prompt) { done, total in
      #expect(total == 100)
      return done < 70
    }
    #expect(stopped == .init(reused: 0, evaluated: 64, cancelled: true))
    #expect(!session.hasLogits)
    #expect(session.tokens == Array(prompt.prefix(64)))
    #expect(
      try session.sync(to: prompt) == .init(reused: 64, evaluated: 36, cancelled: false))
    try fresh.sync(to: prompt)
    #expect(Self.bits(session) == Self.bits(fresh))
  }

  @Test("Progress rises from the reused tokens to all of them")
  func progress() throws {
    let session = try Self.session()
    var seen: [Int] = []
    try session.sync(to: Self.prompt(100)) { done, _ in
      seen.append(done)
      return true
    }
    #expect(seen == seen.sorted())
    #expect(seen.last == 100)
    #expect(seen.count > 4)
  }

  @Test("More tokens than the context are refused with both numbers, and nothing changes")
  func contextLimit() throws {
    let session = try Self.session(context: 10)
    try session.sync(to: Self.prompt(8))
    #expect {
      try session.sync(to: Self.prompt(11))
    } throws: { error in
      let error = error as? InferenceError
      return error?.code == .contextExceeded && error?.message.contains("11") == true
        && error?.message.contains("10") == true
    }
    #expect(session.tokens.count == 8)
    try session.advance(1)
    try session.advance(2)
    #expect(throws: InferenceError.self) { try session.advance(3) }
  }

  @Test("A token outside the vocabulary is refused", arguments: [-1, 1045, TokenID.max])
  func badToken(token: TokenID) throws {
    let session = try Self.session()
    #expect {
      try session.advance(token)
    } throws: { error in
      (error as? InferenceError)?.code == .badToken
    }
  }

  @Test("Syncing to nothing empties the timeline")
  func empty() throws {
    let session = try Self.session()
    try session.sync(to: Self.prompt(8))
    #expect(try session.sync(to: []) == .init(reused: 0, evaluated: 0, cancelled: false))
    #expect(session.tokens.isEmpty)
    #expect(!session.hasLogits)
  }
}
