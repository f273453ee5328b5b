import Compute
import Foundation
import Inference
import Storage
import Testing
import Tokenization

/// A timeline in a file: taken up by another process it gives the bits that reading would give, and no
/// file, whatever is in it, gives others.
@Suite("A kept timeline")
struct KeptTimelineTests {
  struct Case: CustomTestStringConvertible {
    let path: String
    let ids: Range<TokenID>
    let window: Int
    var cache = CacheElement.q16
    var testDescription: String { "\(path.split(separator: "/").last ?? "") \(cache)" }
  }

  static let cases: [Case] = {
    let models = [
      ("smollm2-135m-instruct-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf", 0),
      ("gemma-3-270m-q4_k_m/gemma-3-270m-q4_k_m.gguf", 512),
    ]
    return models.map { file, window in
      Case(path: (try? Fixtures.model(file)) ?? file, ids: 0..<40_000, window: window)
    }
      + [CacheElement.q16, .q8].map {
        Case(path: Fixtures.path("gptoss-micro.gguf"), ids: 0..<300, window: 16, cache: $0)
      }
  }()

  static func session(
    _ model: DecoderModel, context: Int = 2048, batch: Int = 512, threads: Int = 2,
    kernels: KernelChoice = .fast, cache: CacheElement? = nil
  ) throws -> DecodingSession {
    try DecodingSession(
      model: model, engine: Engine(pool: WorkerPool(threads: threads), kernels: kernels),
      context: context, batch: batch, cache: cache)
  }

  static func prompt(_ count: Int, _ ids: Range<TokenID>, seed: UInt64) -> [TokenID] {
    var random = RandomSource(seed: seed)
    return (0..<count).map { _ in TokenID.random(in: ids, using: &random) }
  }

  static func file(_ session: DecodingSession) -> [UInt8] {
    var file: [UInt8] = []
    _ = session.keep { piece in
      file.append(contentsOf: piece)
      return true
    }
    return file
  }

  static func takeUp(_ file: [UInt8], _ session: DecodingSession, claimed: Int? = nil) -> Int? {
    var place = 0
    return session.takeUp(fileBytes: claimed ?? file.count) { buffer in
      guard buffer.count <= file.count - place else { return false }
      buffer.copyBytes(from: file[place..<place + buffer.count])
      place += buffer.count
      return true
    }
  }

  @Test(
    "Another session goes on from it, at its end and at its last prompt, to the bits of plain reading",
    arguments: cases)
  func bits(_ model: Case) throws {
    let network = try DecoderModel.open(path: model.path)
    // Tiles begun, filled and passed; longer than the windows, and than the rings that hold them.
    let lengths =
      model.window == 16
      ? [(1, 0), (63, 1), (64, 70), (130, 700), (700, 40)]
      : model.window > 0 ? [(70, 3), (700, 20)] : [(1, 0), (64, 20), (150, 3)]
    for (number, (read, written)) in lengths.enumerated() {
      let first = try Self.session(network, batch: 128, cache: model.cache)
      let prompt = Self.prompt(read, model.ids, seed: UInt64(number))
      try first.sync(to: prompt)
      let answer = Self.prompt(written, model.ids, seed: 99)
      for token in answer { try first.advance(token) }
      let file = Self.file(first)
      let most = first.keptBytes(tokens: read + written)
      #expect(file.count <= most && file.count >= most / 3)

      let question = Self.prompt(9, model.ids, seed: 5)
      let wholes = [prompt + answer + question, prompt + [7] + question]
      for (place, whole) in wholes.enumerated() {
        // Neither threads nor batches nor the length of the context have a part in it.
        let second = try Self.session(
          network, context: 1500, batch: 64, threads: 1, cache: model.cache)
        #expect(Self.takeUp(file, second) == read + written)
        #expect(second.tokens == prompt + answer)
        let reused = try second.sync(to: whole).reused
        #expect(reused >= (place == 0 ? read + written : read))
        let fresh = try Self.session(network, cache: model.cache)
        try fresh.sync(to: whole)
        #expect(
          DecodingSessionTests.bits(second) == DecodingSessionTests.bits(fresh),
          "\(read) read, \(written) written, way \(place)")
      }
    }
  }

  @Test("One that is longer than what is copied at once gives the same bits too")
  func long() throws {
    let micro = try DecoderModel.open(path: Fixtures.path("gptoss-micro.gguf"))
    let first = try Self.session(micro, context: 6000)
    let prompt = Self.prompt(4400, 0..<300, seed: 6)
    try first.sync(to: prompt)
    let second = try Self.session(micro, context: 5000)
    #expect(Self.takeUp(Self.file(first), second) == 4400)
    try first.advance(7)
    try second.advance(7)
    #expect(DecodingSessionTests.bits(second) == DecodingSessionTests.bits(first))
  }

  @Test("A file of another model, another arithmetic or a longer context is not taken up")
  func others() throws {
    let micro = try DecoderModel.open(path: Fixtures.path("gptoss-micro.gguf"))
    let session = try Self.session(micro)
    try session.sync(to: Self.prompt(200, 0..<300, seed: 1))
    let file = Self.file(session)
    #expect(Self.takeUp(file, try Self.session(micro)) == 200)
    #expect(Self.takeUp(file, try Self.session(micro, kernels: .exact)) == nil)
    #expect(Self.takeUp(file, try Self.session(micro, cache: .q8)) == nil)
    #expect(Self.takeUp(file, try Self.session(micro, context: 199)) == nil)
    let other = try DecoderModel.open(path: Fixtures.path("gptoss-micro-b.gguf"))
    #expect(Self.takeUp(file, try Self.session(other)) == nil)
    // The same bytes at another time are another file.
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "carrel-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let copy = folder.appending(path: "copy.gguf").path
    try FileManager.default.copyItem(atPath: Fixtures.path("gptoss-micro.gguf"), toPath: copy)
    #expect(Self.takeUp(file, try Self.session(try DecoderModel.open(path: copy))) == nil)
  }

  @Test("No damaged file is taken up, and the session then reads as if there were none")
  func damage() throws {
    let micro = try DecoderModel.open(path: Fixtures.path("gptoss-micro.gguf"))
    let first = try Self.session(micro, batch: 64)
    let prompt = Self.prompt(300, 0..<300, seed: 2)
    try first.sync(to: prompt)
    for token in Self.prompt(90, 0..<300, seed: 3) { try first.advance(token) }
    let file = Self.file(first)
    let victim = try Self.session(micro)
    #expect(Self.takeUp(file, victim) == 390)
    var random = RandomSource(seed: 4)
    // Every byte of the head, then a sample of all.
    let places =
      Array(0..<104) + (0..<60).map { _ in Int.random(in: 104..<file.count, using: &random) }
    for place in places {
      var bad = file
      bad[place] ^= UInt8.random(in: 1...255, using: &random)
      #expect(Self.takeUp(bad, victim) == nil, "byte \(place)")
      #expect(victim.tokens.isEmpty)
    }
    for length in [0, 1, 95, 96, 97, file.count / 2, file.count - 1] {
      #expect(Self.takeUp(Array(file[..<length]), victim) == nil, "cut to \(length)")
      #expect(Self.takeUp(Array(file[..<length]), victim, claimed: file.count) == nil)
    }
    #expect(Self.takeUp(file + [0], victim) == nil)
    // Numbers that lie: nothing is allocated for them.
    for place in [48, 56, 64, 72, 80] {
      for value: UInt64 in [0, 1, 391, 1 << 31, 1 << 40, 1 << 62, .max] {
        var bad = file
        for byte in 0..<8 { bad[place + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
        if bad == file { continue }
        #expect(Self.takeUp(bad, victim) == nil, "\(value) at \(place)")
      }
    }
    try victim.sync(to: prompt)
    let fresh = try Self.session(micro)
    try fresh.sync(to: prompt)
    #expect(DecodingSessionTests.bits(victim) == DecodingSessionTests.bits(fresh))
  }

  @Test("The file on disk is its owner's alone, and stopping in the middle leaves the one before")
  func onDisk() throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "carrel-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appending(path: "a.kv").path
    let session = try DecodingSessionTests.session()
    try session.sync(to: DecodingSessionTests.prompt(100))
    #expect(CacheFile.write(to: path) { session.keep($0) })
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect((attributes[.posixPermissions] as? Int) == 0o600)
    try session.sync(to: DecodingSessionTests.prompt(120, seed: 9))
    var pieces = 0
    #expect(
      !CacheFile.write(to: path) { append in
        session.keep {
          pieces += 1
          return pieces < 4 && append($0)
        }
      })
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.kv"])
    let other = try DecodingSessionTests.session()
    #expect(CacheFile.read(path) { other.takeUp(fileBytes: $0, $1) } == 100)
    // A link may lead anywhere.
    let link = folder.appending(path: "b.kv").path
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
    #expect(CacheFile.read(link) { other.takeUp(fileBytes: $0, $1) } == nil)
  }
}
