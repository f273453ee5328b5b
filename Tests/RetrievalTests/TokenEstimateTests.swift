import Retrieval
import Testing

@Suite("Guess of tokens")
struct TokenEstimateTests {
  /// The definition, a byte at a time: a run of up to seven letters is one, a longer one a token for each
  /// five begun beyond the second; three digits are one; a symbol is one.
  private func reference(_ bytes: [UInt8]) -> Int {
    func kind(_ byte: UInt8) -> Int {
      switch byte {
      case 65...90, 97...122, 0xc3, 0xc4, 0xc5: 1
      case 48...57: 2
      case 0...32, 127, 0x80...0xbf: 0
      default: 3
      }
    }
    var tokens = 0
    var start = 0
    while start < bytes.count {
      var end = start + 1
      let run = kind(bytes[start])
      if run == 1 || run == 2 {
        while end < bytes.count, kind(bytes[end]) == run { end += 1 }
      }
      let length = end - start
      switch run {
      case 1: tokens += length <= 7 ? 1 : (length + 3) / 5
      case 2: tokens += (length + 2) / 3
      case 3: tokens += 1
      default: break
      }
      start = end
    }
    return tokens
  }

  private func count(_ bytes: [UInt8]) -> Int {
    bytes.withUnsafeBytes { TokenEstimate.count($0) }
  }

  @Test("Knows each byte, and runs of any length at any place")
  func runs() {
    for byte in UInt8.min ... .max {
      #expect(count([byte]) == reference([byte]), "byte \(byte)")
      for length in 2...20 {
        let run = [UInt8](repeating: byte, count: length)
        #expect(count(run) == reference(run), "\(length) of byte \(byte)")
      }
    }
    for length in 1...200 {
      for place in [0, 1, 7, 57, 60, 63, 64, 65, 120] {
        for (run, around): (UInt8, UInt8) in [(97, 32), (48, 97), (97, 48), (48, 44)] {
          let text =
            [UInt8](repeating: around, count: place) + [UInt8](repeating: run, count: length)
            + [around]
          #expect(count(text) == reference(text), "\(length) of \(run) at \(place)")
        }
      }
    }
  }

  @Test("Is the definition for random bytes")
  func random() {
    var state: UInt64 = 7
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    for _ in 0..<3000 {
      var text: [UInt8] = []
      while text.count < 150 {
        switch random(5) {
        case 0: text += (0..<random(12)).map { _ in UInt8(97 + random(26)) }
        case 1: text += (0..<random(8)).map { _ in UInt8(48 + random(10)) }
        case 2: text.append(32)
        case 3: text.append(UInt8(random(256)))
        default: text += Array("Ünïcödé漢字🙂".utf8.prefix(random(20)))
        }
      }
      text.removeLast(random(150))
      #expect(count(text) == reference(text))
    }
  }
}
