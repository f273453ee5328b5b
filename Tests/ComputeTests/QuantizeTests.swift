// Activations rounded to blocks: every instruction set against the reference, the reference against arithmetic.

import CKernels
import Testing

import Compute

@Suite("Rounding activations to blocks")
struct QuantizeTests {
  /// Blocks of ordinary numbers, among them some without values of note, with values of no size, and ties.
  private static func activations(_ count: Int, odd: Bool, seed: UInt64) -> [Float] {
    var random = Random(seed)
    var x = (0..<count).map { _ in random.normal() }
    guard odd else { return x }
    for block in 0..<(count + 31) / 32 {
      let places = 32 * block..<min(32 * block + 32, count)
      let place = Int.random(in: places, using: &random)
      switch UInt64.random(in: 0..<9, using: &random) {
      case 0: for i in places { x[i] = 0 }
      case 1: for i in places { x[i] *= 1e-35 }
      case 2: x[place] = .infinity
      case 3: x[place] = .nan
      case 4: for i in places { x[i] = Float(i % 2 == 0 ? 127 : 63.5) }
      case 5: x[place] = -3e38
      default: break
      }
    }
    return x
  }

  private static func rounded<Block>(
    _ x: [Float], _ round: (UnsafePointer<Float>?, Int, UnsafeMutablePointer<Block>?) -> Void
  ) -> [UInt8] {
    let count = (x.count + 31) / 32
    let blocks = UnsafeMutableBufferPointer<Block>.allocate(capacity: count)
    defer { blocks.deallocate() }
    let bytes = UnsafeMutableRawBufferPointer(blocks)
    for i in bytes.indices { bytes[i] = 0xa5 }
    round(x, x.count, blocks.baseAddress)
    return Array(bytes)
  }

  @Test("Every instruction set gives the bytes of the reference, for every count of columns")
  func sameBytes() {
    var index = 1
    while let table = ck_kernels_at(index)?.pointee {
      index += 1
      let name = String(cString: table.name)
      for count in Array(1...300) + [576, 640, 1536, 2048, 2880] {
        for odd in [false, true] {
          let x = Self.activations(count, odd: odd, seed: UInt64(count))
          #expect(
            Self.rounded(x) { table.quantize_q8($0, $1, $2) }
              == Self.rounded(x) { ck_quantize_q8_ref($0, $1, $2) }, "\(name), 8 bits, \(count)")
          #expect(
            Self.rounded(x) { table.quantize_q16($0, $1, $2) }
              == Self.rounded(x) { ck_quantize_q16_ref($0, $1, $2) }, "\(name), 16 bits, \(count)")
        }
      }
    }
    #expect(index > 1, "this CPU has a kernel table besides the reference")
  }

  /// The values of a block in 16 bits, and its sums.
  private static func values(_ block: ck_q16_block) -> [Int32] {
    withUnsafeBytes(of: block) { bytes in
      let low = MemoryLayout<ck_q8_block>.stride
      return (0..<32).map {
        256 * Int32(Int8(bitPattern: bytes[$0])) + Int32(Int8(bitPattern: bytes[low + $0]))
      }
    }
  }

  private static func sumsAgree(_ block: ck_q16_block) -> Bool {
    let values = values(block), sum = values.reduce(0, +), first = values[..<16].reduce(0, +)
    return block.high.n8 == -8 * sum && block.high.n8_low == -8 * first
      && block.high.ds == block.high.d * Float(sum)
  }

  @Test(
    "Sixteen bits are within one and a half steps (no low byte is -128), the largest is met, and the sums are theirs"
  )
  func reference() {
    let x = Self.activations(2048, odd: false, seed: 5)
    var blocks = [ck_q16_block](repeating: ck_q16_block(), count: 64)
    ck_quantize_q16_ref(x, x.count, &blocks)
    for (index, block) in blocks.enumerated() {
      let own = x[32 * index..<32 * index + 32]
      #expect(block.high.d == own.map(abs).max()! / 32512)
      let errors = zip(own, Self.values(block)).map { abs($0 - block.high.d * Float($1)) }
      #expect(errors.max()! <= block.high.d * 1.51)
      #expect(Self.sumsAgree(block))
    }
  }

  @Test("Second bytes stay where a block's scale is above the root mean square, with sums to match")
  func trimming() {
    for count in [1, 2, 18, 20, 64] {
      var x = Self.activations(32 * count, odd: false, seed: UInt64(count))
      for i in x.indices where i / 32 % 5 == 3 { x[i] *= 20 }
      var blocks = [ck_q16_block](repeating: ck_q16_block(), count: count)
      ck_quantize_q16_ref(x, x.count, &blocks)
      let before = blocks
      ck_trim_q16(&blocks, count)
      let square = before.reduce(0.0) { $0 + Double($1.high.d) * Double($1.high.d) }
      for (old, new) in zip(before, blocks) {
        let d = Double(old.high.d)
        let isKept = d * d * Double(count) > square
        #expect(new.has_low == (isKept ? 1 : 0))
        #expect(Self.sumsAgree(new))
        let expected = Self.values(old).map { isKept ? $0 : 256 * (($0 + 128) >> 8) }
        #expect(Self.values(new) == expected)
        #expect(new.high.d == old.high.d)
      }
    }
  }
}
