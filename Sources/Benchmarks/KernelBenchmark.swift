// `Benchmarks kernels`: how fast one matrix product is, for each weight type.
//
// One token reads weights from memory (the matrices of a run together are larger than any cache), so
// its unit is GB/s of weights; 512 tokens are bound by arithmetic, so theirs is Gop/s (a multiply and
// an add are two operations).

import Compute
import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One measured line.
struct BenchmarkRow {
  let name: String
  let unit: String
  /// How much work a run does, in units of `unit` times one second.
  let work: Double
  let times: [Timing]

  func print() {
    let sorted = times.map { work / $0.wall }.sorted()
    let perCPU = times.map { work / $0.processor }.sorted()
    func text(_ value: Double) -> String {
      let tenths = Int((value * 10).rounded())
      return "\(tenths / 10).\(tenths % 10)"
    }
    Swift.print(
      "\(name): median \(text(sorted[sorted.count / 2])), best \(text(sorted.last ?? 0)), worst"
        + " \(text(sorted[0])) \(unit), \(times.count) runs; median for each second of processor"
        + " time \(text(perCPU[perCPU.count / 2]))")
  }
}

/// Seconds of one run: on the clock, and of all threads' processor time (which other programs on the
/// machine disturb less).
struct Timing {
  let wall: Double
  let processor: Double
}

struct KernelBenchmark {
  var threads = WorkerPool.defaultThreadCount()
  var table = KernelTable.best
  var types: [ElementType] = [
    .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_nl, .iq4_xs, .mxfp4, .f16,
    .bf16, .f32,
  ]
  var tokenCounts = [1, 512]
  var runs = 7
  private static let shapes = [(576, 1536), (2880, 2880), (4096, 4096)]
  /// Bytes of weights that one-token runs go through.
  private static let poolBytes = 192 << 20

  /// Arguments: [--threads N] [--table NAME] [--type NAME] [--tokens N] [--runs N].
  init(arguments: ArraySlice<String>) throws {
    var rest = arguments
    while let option = rest.popFirst() {
      let value = rest.popFirst() ?? ""
      switch (option, Int(value)) {
      case ("--threads", let count?) where count > 0: threads = count
      case ("--tokens", let count?) where count > 0: tokenCounts = [count]
      case ("--runs", let count?) where count > 0: runs = count
      case ("--table", _):
        guard let found = KernelTable.available.first(where: { $0.name == value }) else {
          throw BenchmarkError(
            "--table: expected one of \(KernelTable.available), found \"\(value)\"")
        }
        table = found
      case ("--type", _):
        types = types.filter { "\($0)" == value }
        if types.isEmpty { fallthrough }
      default:
        throw BenchmarkError("kernels: cannot use \(option) \(value)")
      }
    }
  }

  func run() {
    let engine = Engine(pool: WorkerPool(threads: threads), kernels: .fast, table: table)
    let weights = WeightBytes(count: Self.poolBytes)
    print("kernels \(table), \(threads) threads")
    readRow(engine.pool, weights).print()
    for type in types {
      for (rows, columns) in Self.shapes {
        let whole = columns / type.blockElements * type.blockElements
        for tokens in tokenCounts {
          row(engine, weights, type: type, rows: rows, columns: whole, tokens: tokens).print()
        }
      }
    }
  }

  /// Plain reading, as a yardstick for the one-token rows.
  private func readRow(_ pool: WorkerPool, _ weights: WeightBytes) -> BenchmarkRow {
    let chunk = 1 << 20
    let chunks = weights.count / chunk
    let sums = FloatBuffer(count: chunks)
    let times = measure {
      pool.run(chunks: chunks) { index in
        var sum = SIMD16<Float>.zero
        let floats = (weights.pointer + index * chunk).assumingMemoryBound(to: SIMD16<Float>.self)
        for i in 0..<chunk / 64 { sum += floats[i] }
        sums.pointer[index] = sum.sum()
      }
    }
    return BenchmarkRow(
      name: "read", unit: "GB/s", work: Double(weights.count) * 1e-9, times: times)
  }

  private func row(
    _ engine: Engine, _ weights: WeightBytes, type: ElementType, rows: Int, columns: Int,
    tokens: Int
  ) -> BenchmarkRow {
    let matrixBytes = rows * columns / type.blockElements * type.blockBytes
    let matrices = tokens > 8 ? 1 : weights.count / matrixBytes
    let x = FloatBuffer(count: tokens * columns)
    for i in 0..<x.count { x.pointer[i] = Float(i * 7919 % 2001 - 1000) / 1000 }
    let input = PreparedInput()
    engine.prepare(x.pointer, tokens: tokens, columns: columns, into: input)
    let out = FloatBuffer(count: tokens * rows)
    let times = measure {
      for index in 0..<matrices {
        let matrix = WeightMatrix(
          pointer: weights.pointer + index * matrixBytes, rows: rows, columns: columns, type: type,
          owner: weights)
        engine.multiply(matrix, input, into: out.pointer)
      }
    }
    let name = "\(type) \(rows)x\(columns), \(tokens) token\(tokens == 1 ? "" : "s")"
    if tokens <= 8 {
      let bytes = Double(matrices * matrixBytes)
      return BenchmarkRow(name: name, unit: "GB/s", work: bytes * 1e-9, times: times)
    }
    let operations = 2 * Double(rows * columns) * Double(tokens)
    return BenchmarkRow(
      name: name, unit: "Gop/s", work: operations * 1e-9, times: times)
  }

  /// The time of each run, after one that does not count.
  private func measure(_ body: () -> Void) -> [Timing] {
    body()
    return (0..<runs).map { _ in
      let start = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID))
      body()
      return Timing(
        wall: seconds(CLOCK_MONOTONIC) - start.0,
        processor: seconds(CLOCK_PROCESS_CPUTIME_ID) - start.1)
    }
  }

  private func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// Bytes that make weights of ordinary size in every type: no infinities, no subnormal numbers.
private final class WeightBytes: @unchecked Sendable {
  let pointer: UnsafeMutableRawPointer
  let count: Int

  init(count: Int) {
    self.count = count
    pointer = .allocate(byteCount: count, alignment: 4096)
    var state: UInt64 = 1
    for i in 0..<count / 8 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let random = (state >> 29) & 0x0707_0707_0707_0707
      pointer.storeBytes(of: random + 0x2424_2424_2424_2424, toByteOffset: i * 8, as: UInt64.self)
    }
  }

  deinit { pointer.deallocate() }
}
