import Glibc

import Retrieval
import TestSupport

extension TemporaryFolder {
  /// Writes a file below the folder, making folders on the way. Returns its path.
  @discardableResult
  func write(_ name: String, _ text: String) -> String { write(name, bytes: Array(text.utf8)) }

  @discardableResult
  func write(_ name: String, bytes: [UInt8]) -> String {
    let file = path + "/" + name
    var made = ""
    for part in file.split(separator: "/").dropLast() {
      made += "/" + part
      mkdir(made, 0o755)
    }
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    close(descriptor)
    return file
  }
}

/// The same numbers on every run.
struct Seeded: RandomNumberGenerator {
  var state: UInt64
  init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state &* 0x2545_f491_4f6c_dd1d
  }
}

/// Vectors from the words of a text: texts that share words are alike.
struct WordEmbedder: Embedder {
  var identity = EmbedderIdentity(
    name: "words", sha256: "00", dimension: 64, pooling: "mean", prefix: "")
  /// Counts the texts it was given.
  var counter = Counter()
  var delay: UInt64 = 0
  /// A word it has.
  var known = ""

  func knows(_ word: String) -> Bool { word == known }

  final class Counter: @unchecked Sendable {
    private var lock = pthread_mutex_t()
    private var value = 0
    init() { pthread_mutex_init(&lock, nil) }
    func add(_ count: Int) {
      pthread_mutex_lock(&lock)
      value += count
      pthread_mutex_unlock(&lock)
    }
    var total: Int {
      pthread_mutex_lock(&lock)
      defer { pthread_mutex_unlock(&lock) }
      return value
    }
  }

  func embed(_ texts: [String]) async throws -> [Float] {
    counter.add(texts.count)
    if delay > 0 { try await Task.sleep(nanoseconds: delay) }
    return texts.flatMap { vector($0) }
  }

  private func vector(_ text: String) -> [Float] {
    var vector = [Float](repeating: 0, count: identity.dimension)
    for word in text.lowercased().split(whereSeparator: { !$0.isLetter && !$0.isNumber }) {
      var hash: UInt64 = 14_695_981_039_346_656_037
      for byte in word.utf8 { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
      vector[Int(hash % UInt64(identity.dimension))] += hash & 0x10000 == 0 ? 1 : -1
    }
    let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return length > 0 ? vector.map { $0 / length } : vector
  }
}

extension AsyncThrowingStream where Element == IndexEvent, Failure == any Error {
  /// Runs to the end and returns the summary.
  func summary() async throws -> IndexSummary {
    var found = IndexSummary()
    for try await case .finished(let summary) in self { found = summary }
    return found
  }
}
