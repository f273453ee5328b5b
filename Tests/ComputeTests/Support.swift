// What the tests of this module share: random weights of every type, and a way to run one product.

import CKernels
import Tensors
import Testing

import Compute

/// A small deterministic generator (SplitMix64), so that a failure can be repeated.
struct Random: RandomNumberGenerator {
  var state: UInt64
  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Roughly normal, unit variance.
  mutating func normal() -> Float {
    (0..<6).reduce(Float(0)) { sum, _ in sum + Float.random(in: -1...1, using: &self) } * 0.7071
  }
}

let weightTypes: [ElementType] = [
  .f32, .f16, .bf16, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_nl,
  .iq4_xs,
  .mxfp4,
]
let quantizedTypes = weightTypes.filter { $0.blockElements > 1 }

/// Bytes that a weight matrix can point into.
final class Bytes: @unchecked Sendable {
  let pointer: UnsafeMutableRawPointer
  let count: Int
  init(_ bytes: [UInt8]) {
    count = bytes.count
    pointer = .allocate(byteCount: max(1, bytes.count), alignment: 64)
    bytes.withUnsafeBytes {
      if count > 0 { pointer.copyMemory(from: $0.baseAddress!, byteCount: count) }
    }
  }
  deinit { pointer.deallocate() }
}

/// Random weights of magnitude about 0.05 to 1 in any type: random quants, sensible scales.
func randomWeights(
  _ type: ElementType, rows: Int, columns: Int, experts: Int = 1, seed: UInt64
) -> WeightMatrix {
  var random = Random(seed)
  let blocks = experts * rows * columns / type.blockElements
  var bytes = [UInt8](repeating: 0, count: blocks * type.blockBytes)
  func half(_ value: Float) -> UInt16 { Float16(value).bitPattern }
  for block in 0..<blocks {
    let base = block * type.blockBytes
    for i in 0..<type.blockBytes { bytes[base + i] = UInt8.random(in: 0...255, using: &random) }
    func set(_ offset: Int, _ value: Float) {
      let h = half(value)
      bytes[base + offset] = UInt8(h & 255)
      bytes[base + offset + 1] = UInt8(h >> 8)
    }
    let scale = Float.random(in: 0.001...0.02, using: &random)
    let signed = Bool.random(using: &random) ? scale : -scale
    switch type {
    case .q4_0, .q5_0, .q8_0: set(0, signed)
    case .iq4_nl: set(0, signed / 8)
    case .iq4_xs: set(0, signed / 128)
    case .q3_K: set(108, signed / 16)
    case .q4_1, .q5_1:
      set(0, scale)
      set(2, -7 * scale)
    case .q4_K, .q5_K:
      set(0, scale / 16)
      set(2, scale / 4)
    case .q6_K: set(208, signed / 64)
    case .mxfp4: bytes[base] = UInt8.random(in: 116...122, using: &random)
    case .f16: set(0, random.normal())
    case .bf16:
      let bits = random.normal().bitPattern
      bytes[base] = UInt8(bits >> 16 & 255)
      bytes[base + 1] = UInt8(bits >> 24)
    default:
      let bits = random.normal().bitPattern
      for i in 0..<4 { bytes[base + i] = UInt8(truncatingIfNeeded: bits >> (8 * UInt32(i))) }
    }
  }
  let owner = Bytes(bytes)
  return WeightMatrix(
    pointer: owner.pointer, rows: rows, columns: columns, experts: experts, type: type,
    owner: owner)
}

func randomActivations(tokens: Int, columns: Int, seed: UInt64) -> FloatBuffer {
  var random = Random(seed)
  let x = FloatBuffer(count: tokens * columns)
  for i in 0..<x.count { x.pointer[i] = random.normal() }
  return x
}

/// One product, as bit patterns: [tokens][rows].
func product(
  _ engine: Engine, _ w: WeightMatrix, _ x: FloatBuffer, tokens: Int, bias: [Float]? = nil,
  precision: ActivationPrecision = .int8
) -> [UInt32] {
  let input = PreparedInput()
  let out = FloatBuffer(count: tokens * w.rows)
  engine.prepare(x.pointer, tokens: tokens, columns: w.columns, into: input, precision: precision)
  if let bias {
    bias.withUnsafeBufferPointer {
      engine.multiply(w, input, into: out.pointer, bias: $0.baseAddress)
    }
  } else {
    engine.multiply(w, input, into: out.pointer)
  }
  return out.buffer.map(\.bitPattern)
}
