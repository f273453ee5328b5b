/// The pseudo-random numbers of sampling: SplitMix64 (Steele, Lea, Flood 2014,
/// doi:10.1145/2714064.2660195). Its whole state is one 64-bit number, so equal seeds give equal
/// sequences on every machine.
package struct RandomSource: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in [0, 1): the upper 53 bits.
  package mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
