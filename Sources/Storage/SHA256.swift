// SHA-256 (FIPS 180-4): what makes a downloaded model the model it claims to be, and tells whether a
// document changed. By the CPU's instructions where it has them, else in plain Swift: there the message
// schedule is kept in sixteen locals and the rounds are written out sixteen at a time, so that the
// optimizer keeps everything in registers.

import CKernels
import Glibc

/// An incremental SHA-256 digest.
package struct SHA256: Sendable {
  /// The digest's length in bytes.
  package static let byteCount = 32

  private var state = SIMD8<UInt32>(
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
    0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19)
  /// Bytes of an unfinished 64-byte block.
  private var pending: [UInt8] = []
  /// Bytes fed so far.
  private var length: UInt64 = 0

  private let usesInstructions: Bool

  /// - Parameter usesInstructions: false takes the plain rounds on any CPU.
  package init(usesInstructions: Bool = true) {
    self.usesInstructions = usesInstructions
    pending.reserveCapacity(128)
  }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    length &+= UInt64(bytes.count)
    var rest = bytes
    if !pending.isEmpty {
      let taken = min(64 - pending.count, rest.count)
      pending.append(contentsOf: rest[..<taken])
      rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
      guard pending.count == 64 else { return }
      pending.withUnsafeBytes { Self.compress(&state, $0, blocks: 1, usesInstructions) }
      pending.removeAll(keepingCapacity: true)
    }
    let blocks = rest.count / 64
    if blocks > 0 { Self.compress(&state, rest, blocks: blocks, usesInstructions) }
    pending.append(contentsOf: rest[(blocks * 64)...])
  }

  /// The 32 bytes of the digest. The value must not be fed after this.
  package mutating func finalize() -> [UInt8] {
    let bits = length &* 8
    var tail = pending
    tail.append(0x80)
    while tail.count % 64 != 56 { tail.append(0) }
    for shift in stride(from: 56, through: 0, by: -8) {
      tail.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
    }
    tail.withUnsafeBytes { Self.compress(&state, $0, blocks: $0.count / 64, usesInstructions) }
    pending.removeAll(keepingCapacity: true)
    var digest: [UInt8] = []
    digest.reserveCapacity(Self.byteCount)
    for word in 0..<8 {
      for shift in stride(from: UInt32(24), through: 0, by: -8) {
        digest.append(UInt8(truncatingIfNeeded: state[word] >> shift))
      }
    }
    return digest
  }

  // MARK: the compression function

  private static let constants: [UInt32] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4,
    0xab1c_5ed5, 0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe,
    0x9bdc_06a7, 0xc19b_f174, 0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f,
    0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da, 0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7,
    0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967, 0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc,
    0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85, 0xa2bf_e8a1, 0xa81a_664b,
    0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070, 0x19a4_c116,
    0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7,
    0xc671_78f2,
  ]

  @inline(__always)
  private static func rotate(_ x: UInt32, _ n: UInt32) -> UInt32 { (x &>> n) | (x &<< (32 &- n)) }

  /// One round: `word` is the schedule word plus the round constant.
  @inline(__always)
  private static func round(
    _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: inout UInt32,
    _ e: UInt32, _ f: UInt32, _ g: UInt32, _ h: inout UInt32, _ word: UInt32
  ) {
    let choice = g ^ (e & (f ^ g))
    let t1 = h &+ (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) &+ choice &+ word
    let majority = (a & b) | (c & (a | b))
    d = d &+ t1
    h = t1 &+ (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) &+ majority
  }

  /// The next schedule word: from the one it replaces and those 1, 9 and 14 places on.
  @inline(__always)
  private static func extend(_ w: UInt32, _ w1: UInt32, _ w9: UInt32, _ w14: UInt32) -> UInt32 {
    let low = rotate(w1, 7) ^ rotate(w1, 18) ^ (w1 &>> 3)
    let high = rotate(w14, 17) ^ rotate(w14, 19) ^ (w14 &>> 10)
    return w &+ low &+ w9 &+ high
  }

  private static func compress(
    _ state: inout SIMD8<UInt32>, _ bytes: UnsafeRawBufferPointer, blocks: Int,
    _ usesInstructions: Bool
  ) {
    guard let base = bytes.baseAddress else { return }
    let isDone =
      usesInstructions
      && withUnsafeMutableBytes(of: &state) { words in
        ck_sha256(
          words.baseAddress?.assumingMemoryBound(to: UInt32.self),
          base.assumingMemoryBound(to: UInt8.self), blocks) == 1
      }
    if isDone { return }
    constants.withUnsafeBufferPointer { table in
      guard let table = table.baseAddress else { return }
      var s = state
      for block in 0..<blocks {
        let p = base + block &* 64
        s = s &+ mixed(s, p, table)
      }
      state = s
    }
  }

  /// The working variables after 64 rounds over the 64 bytes at `p`.
  @inline(__always)
  private static func mixed(
    _ s: SIMD8<UInt32>, _ p: UnsafeRawPointer, _ table: UnsafePointer<UInt32>
  ) -> SIMD8<UInt32> {
    @inline(__always) func word(_ i: Int) -> UInt32 {
      UInt32(bigEndian: p.loadUnaligned(fromByteOffset: i &* 4, as: UInt32.self))
    }
    var (w0, w1, w2, w3) = (word(0), word(1), word(2), word(3))
    var (w4, w5, w6, w7) = (word(4), word(5), word(6), word(7))
    var (w8, w9, w10, w11) = (word(8), word(9), word(10), word(11))
    var (w12, w13, w14, w15) = (word(12), word(13), word(14), word(15))
    var (a, b, c, d, e, f, g, h) = (s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7])
    var k = table
    for part in 0..<4 {
      round(a, b, c, &d, e, f, g, &h, w0 &+ k[0])
      round(h, a, b, &c, d, e, f, &g, w1 &+ k[1])
      round(g, h, a, &b, c, d, e, &f, w2 &+ k[2])
      round(f, g, h, &a, b, c, d, &e, w3 &+ k[3])
      round(e, f, g, &h, a, b, c, &d, w4 &+ k[4])
      round(d, e, f, &g, h, a, b, &c, w5 &+ k[5])
      round(c, d, e, &f, g, h, a, &b, w6 &+ k[6])
      round(b, c, d, &e, f, g, h, &a, w7 &+ k[7])
      round(a, b, c, &d, e, f, g, &h, w8 &+ k[8])
      round(h, a, b, &c, d, e, f, &g, w9 &+ k[9])
      round(g, h, a, &b, c, d, e, &f, w10 &+ k[10])
      round(f, g, h, &a, b, c, d, &e, w11 &+ k[11])
      round(e, f, g, &h, a, b, c, &d, w12 &+ k[12])
      round(d, e, f, &g, h, a, b, &c, w13 &+ k[13])
      round(c, d, e, &f, g, h, a, &b, w14 &+ k[14])
      round(b, c, d, &e, f, g, h, &a, w15 &+ k[15])
      if part == 3 { break }
      k += 16
      w0 = extend(w0, w1, w9, w14)
      w1 = extend(w1, w2, w10, w15)
      w2 = extend(w2, w3, w11, w0)
      w3 = extend(w3, w4, w12, w1)
      w4 = extend(w4, w5, w13, w2)
      w5 = extend(w5, w6, w14, w3)
      w6 = extend(w6, w7, w15, w4)
      w7 = extend(w7, w8, w0, w5)
      w8 = extend(w8, w9, w1, w6)
      w9 = extend(w9, w10, w2, w7)
      w10 = extend(w10, w11, w3, w8)
      w11 = extend(w11, w12, w4, w9)
      w12 = extend(w12, w13, w5, w10)
      w13 = extend(w13, w14, w6, w11)
      w14 = extend(w14, w15, w7, w12)
      w15 = extend(w15, w0, w8, w13)
    }
    return SIMD8(a, b, c, d, e, f, g, h)
  }
}
