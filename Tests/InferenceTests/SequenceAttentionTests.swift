import Compute
import Foundation
import Testing

/// Attention within a sequence, as encoders have it: in every instruction set, against its definition.
@Suite struct SequenceAttentionTests {
  static let counts = [1, 2, 15, 16, 17, 63, 64, 65, 130]

  @Test("Keys and values of a run of positions are kept as one after the other would be")
  func stored() throws {
    for size in [16, 20, 32, 64, 100] {
      for count in Self.counts {
        let stride = size + 7
        let keys = VectorKernelTests.random(count * stride, seed: 1)
        let values = VectorKernelTests.random(count * stride, seed: 2)
        for set in VectorKernels.InstructionSet.allCases {
          guard let kernels = VectorKernels(set) else { continue }
          func contents(_ store: (KeyValueCache) -> Void) throws -> [UInt8] {
            let cache = try #require(
              KeyValueCache(
                heads: 2, keySize: size, valueSize: size, positions: 130, element: .f32))
            store(cache)
            return cache.contents(of: 0..<3)
          }
          let whole = try contents {
            $0.store(
              head: 1, count: count, keys: keys, values: values, stride: stride, kernels: kernels)
          }
          let single = try contents { cache in
            for position in 0..<count {
              let rest = position * stride..<position * stride + size
              cache.store(
                head: 1, position: position, key: Array(keys[rest]), value: Array(values[rest]),
                kernels: kernels)
            }
          }
          #expect(whole == single, "\(set), \(count) × \(size)")
        }
      }
    }
  }

  @Test("Every token gets the mean of all values, weighed by its scores")
  func definition() throws {
    let (size, stride, scale) = (32, 100, Float(0.05))
    for count in Self.counts {
      let x = VectorKernelTests.random(count * stride, seed: 3)
      var known = [Double]()
      for query in 0..<count {
        let weights = (0..<count).map { key in
          let score = (0..<size).reduce(0.0) {
            $0 + Double(x[query * stride + $1]) * Double(x[key * stride + size + $1])
          }
          return exp(score * Double(scale))
        }
        let sum = weights.reduce(0, +)
        for d in 0..<size {
          known.append(
            (0..<count).reduce(0.0) { $0 + weights[$1] * Double(x[$1 * stride + 2 * size + d]) }
              / sum)
        }
      }
      for set in VectorKernels.InstructionSet.allCases {
        guard let kernels = VectorKernels(set) else { continue }
        let cache = try #require(
          KeyValueCache(heads: 1, keySize: size, valueSize: size, positions: 130, element: .f32))
        let attention = SequenceAttention(
          kernels: kernels, size: size, stride: stride, outStride: size, scale: scale)
        var out = [Float](repeating: 0, count: count * size)
        x.withUnsafeBufferPointer { x in
          out.withUnsafeMutableBufferPointer { out in
            guard let start = x.baseAddress, let end = out.baseAddress else { return }
            attention.attend(
              cache, queries: start, keys: start + size, values: start + 2 * size, count: count,
              into: end)
          }
        }
        let farthest = zip(out, known).map { abs(Double($0) - $1) }.max() ?? 1
        #expect(farthest < 1e-5, "\(set), \(count)")
      }
    }
  }
}
