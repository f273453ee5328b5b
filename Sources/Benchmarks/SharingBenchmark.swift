// `Benchmarks sharing`: what is left of the speed while another thread keeps a core busy.
//
// Quiet and busy runs alternate, so that whatever else the machine does falls on both alike.

import Compute
import Dispatch
import FoundationEssentials
import Glibc
import Inference
import Synchronization

enum SharingBenchmark {
  /// Arguments: a decoder's file, or an encoder's folder; runs (7); threads.
  static func run(_ arguments: [String]) throws {
    guard let path = arguments.first else {
      throw BenchmarkError("usage: Benchmarks sharing MODEL [RUNS] [THREADS]")
    }
    let runs = arguments.count > 1 ? max(1, Int(arguments[1]) ?? 7) : 7
    let threads = arguments.count > 2 ? Int(arguments[2]) : nil
    var isFolder = false
    _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    if isFolder, let model = try? EncoderModel.open(directory: path) {
      let pool = WorkerPool(threads: threads ?? WorkerPool.defaultThreadCount())
      let engine = Engine(pool: pool)
      let passage = (0..<126).map { $0 % 2 == 0 ? "river" : "stone" }.joined(separator: " ")
      let passages = [String](repeating: passage, count: 32)
      try compare("embed, 128-token passages", "passages/s", runs) {
        Double(passages.count) / (try seconds { _ = try model.embed(passages, engine: engine) })
      }
      return
    }
    let decoder = try DecoderRuns(path: path, threads: threads)
    try compare("prefill 512", "tokens/s", runs) { try decoder.prefill(512) }
    let session = try DecodingSession(model: decoder.model, engine: decoder.engine, context: 128)
    try compare("decode 64", "tokens/s", runs) {
      session.truncate(to: 16)
      return try decoder.decode(64, session: session, context: 80)
    }
  }

  private static func compare(
    _ name: String, _ unit: String, _ runs: Int, _ work: () throws -> Double
  ) throws {
    _ = try work()
    var quiet: [Double] = []
    var busy: [Double] = []
    for _ in 0..<runs {
      quiet.append(try work())
      let spinner = Spinner()
      busy.append(try work())
      spinner.stop()
    }
    let ratio = median(busy) / median(quiet)
    print(
      "\(name): quiet \(text(median(quiet))), with a busy thread \(text(median(busy))) \(unit), "
        + "\(text(100 * ratio, 0)) % (busy \(text(busy.min() ?? 0)) to \(text(busy.max() ?? 0)), "
        + "\(runs) alternating runs)")
  }
}

/// A thread that does nothing but use a core, until told to stop.
private final class Spinner: Sendable {
  private let stopping = Atomic(false)
  private let ended = Atomic(false)

  init() {
    DispatchQueue.global().async { [self] in
      while !stopping.load(ordering: .relaxed) {}
      ended.store(true, ordering: .releasing)
    }
  }

  func stop() {
    stopping.store(true, ordering: .relaxed)
    while !ended.load(ordering: .acquiring) { usleep(1000) }
  }
}
