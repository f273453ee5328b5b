import Glibc
import Storage
import Tensors
import TestSupport
import Testing

/// xorshift64*: the same mutations in every run.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_f491_4f6c_dd1d
  }
}

@Suite("Damaged weight files")
struct FuzzTests {
  private let folder = TemporaryFolder()

  /// Touches every byte that an opened file hands out; a wrong range would crash here.
  private func readAll(_ source: some TensorSource) -> Int {
    var sum = 0
    for name in source.tensorNames {
      guard let tensor = source.tensor(named: name) else { continue }
      #expect(tensor.rowBytes * tensor.rows == tensor.bytes.count)
      for byte in tensor.bytes { sum &+= Int(byte) }
    }
    return sum
  }

  private func readStrings(_ file: GGUFFile) -> Int {
    var sum = 0
    for case .array(let array) in file.metadata.values {
      if let strings = array.strings {
        for text in strings { for byte in text { sum &+= Int(byte) } }
      }
      sum &+= (array.integers?.count ?? 0) + (array.floats?.count ?? 0) + (array.bools?.count ?? 0)
    }
    return sum
  }

  /// Opens every shorter version of `bytes`; gives the lengths that were accepted.
  private func accepted(
    truncating bytes: [UInt8], _ open: (String) throws -> Void
  ) throws -> [Int] {
    let path = folder.file("truncated")
    try AtomicFile.write(bytes, to: path)
    var accepted: [Int] = []
    for length in stride(from: bytes.count - 1, through: 0, by: -1) {
      #expect(truncate(path, length) == 0)
      do {
        try open(path)
        accepted.append(length)
      } catch is TensorsError {
        continue
      }
    }
    return accepted
  }

  /// Opens `count` versions of `bytes` with 1 to 4 bytes changed; gives how many were accepted.
  private func accepted(
    mutating bytes: [UInt8], count: Int, seed: UInt64, _ open: (String) throws -> Void
  ) throws -> Int {
    let path = folder.file("mutated")
    try AtomicFile.write(bytes, to: path)
    let descriptor = Glibc.open(path, O_RDWR)
    defer { close(descriptor) }
    var random = SeededGenerator(seed: seed)
    let edges: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, 0x22, 0x7b]
    var accepted = 0
    for _ in 0..<count {
      let places = (0..<Int.random(in: 1...4, using: &random)).map { _ in
        Int.random(in: 0..<bytes.count, using: &random)
      }
      for place in places {
        var byte =
          switch Int.random(in: 0..<3, using: &random) {
          case 0: bytes[place] ^ (1 << UInt8.random(in: 0..<8, using: &random))
          case 1: edges[Int.random(in: 0..<edges.count, using: &random)]
          default: UInt8.random(in: 0...255, using: &random)
          }
        #expect(pwrite(descriptor, &byte, 1, place) == 1)
      }
      do {
        try open(path)
        accepted += 1
      } catch is TensorsError {}
      for place in places {
        var byte = bytes[place]
        #expect(pwrite(descriptor, &byte, 1, place) == 1)
      }
    }
    try open(path)  // the last restore gave back the valid file
    return accepted
  }

  @Test("A GGUF file cut at any byte is refused")
  func truncatedGGUF() throws {
    let lengths = try accepted(truncating: GGUFBuilder.sample.bytes) { _ = try GGUFFile(path: $0) }
    #expect(lengths == [])
  }

  @Test("A safetensors file cut at any byte is refused")
  func truncatedSafetensors() throws {
    let lengths = try accepted(truncating: SafetensorsBuilder.sample) {
      _ = try SafetensorsFile(path: $0)
    }
    #expect(lengths == [])
  }

  @Test("20,000 mutations of a GGUF file open or are refused, and never crash")
  func mutatedGGUF() throws {
    let count = try accepted(mutating: GGUFBuilder.sample.bytes, count: 20_000, seed: 20_261) {
      let file = try GGUFFile(path: $0)
      _ = readAll(file) &+ readStrings(file)
    }
    // Changed weights and texts are still valid files; changed counts and lengths are not.
    #expect((2_000...18_000).contains(count), "\(count)")
  }

  @Test("20,000 mutations of a safetensors file open or are refused, and never crash")
  func mutatedSafetensors() throws {
    let count = try accepted(mutating: SafetensorsBuilder.sample, count: 20_000, seed: 5_771) {
      _ = readAll(try SafetensorsFile(path: $0))
    }
    #expect((500...15_000).contains(count), "\(count)")
  }
}
