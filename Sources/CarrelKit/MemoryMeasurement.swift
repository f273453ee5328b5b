import Compute
import Dispatch
import FoundationEssentials
import Glibc
import Inference
import Registry
import Storage
import Synchronization
import Tokenization

/// What the gate expects a model to take beside what the kernel says it took.
public struct MemoryMeasurement: Sendable, Equatable {
  public let model: String
  /// Tokens of the context, and how many of them were filled.
  public let context: Int
  public let filled: Int
  /// Name and bytes of each part of the need.
  public let terms: [GateReport.Term]
  /// Bytes without a file behind them, and of mapped files: expected, and the most that was there.
  public let predictedAnonymous: Int
  public let predictedMapped: Int
  public let measuredAnonymous: Int
  public let measuredMapped: Int
  /// The highest resident set of the process (`VmHWM`).
  public let peak: Int
  /// Threads that worked, each with memory of its own.
  public let threads: Int

  /// Measured less predicted, in parts of the prediction; the larger of the two kinds and the sum.
  public var worstError: Double {
    let pairs = [
      (predictedAnonymous, measuredAnonymous), (predictedMapped, measuredMapped),
      (predictedAnonymous + predictedMapped, peak),
    ]
    return pairs.map { abs(Double($1 - $0)) / Double(max(1, $0)) }.max() ?? 0
  }
}

extension Workspace {
  /// Loads one model and nothing else, fills its context, and compares the gate's arithmetic with
  /// the kernel's. Peaks are the process's: measure one model in one context a process.
  ///
  /// - Parameters:
  ///   - name: a model; nil takes the one that would answer.
  ///   - tokens: fills this much only, and touches the rest of the cache as filling it would.
  public func measureMemory(
    _ name: String?, tokens: Int? = nil,
    progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) async throws -> MemoryMeasurement {
    let registry = try ModelRegistry(modelsFolder: settings.models)
    if let name, let model = try? registry.find(name), model.role == .embed {
      return try await measureEncoder(model, progress)
    }
    let sampler = MemorySampler()
    var alone = settings
    alone.model = name
    let choice = try ModelChoice.decoder(
      name ?? settings.model, alone, registry, ModelLedger())
    let model = try LoadedModel.open(
      choice, engine: host.engine, cache: settings.cacheElement,
      locking: settings.locksWeights)
    await model.warmUp.wait()
    let session = try model.makeTimeline(context: model.context)
    let total = min(tokens ?? model.context, model.context)
    let vocabulary = model.network.configuration.vocabulary
    let ids = (0..<total).map { TokenID(($0 &* 7919 &+ 101) % max(1, vocabulary - 300)) }
    // One long prompt with borders and four short ones after it, so that the copies kept in prompts
    // and at their ends are all there; the last tokens one by one, as an answer is written.
    let answer = min(16, total / 2)
    let step = min(64, (total - answer) / 8)
    let borders = (1...3).map { total - answer - (4 + $0) * step }
    for later in (0..<5).reversed() {
      let end = total - answer - later * step
      try session.sync(to: Array(ids.prefix(end)), borders: borders) { done, part in
        progress(end - part + done, total)
        return true
      }
    }
    var greedy = Sampler(.greedy)
    for (place, id) in ids.suffix(answer).enumerated() {
      guard place == 0, answer > DraftPolicy.longest else {
        try session.advance(id)
        _ = session.output.choose(&greedy, history: [])
        continue
      }
      // Once with a draft as long as they get, of which nothing is taken.
      let draft = Array(repeating: id, count: DraftPolicy.longest)
      _ = try session.advance(id, drafting: draft) { output in
        _ = output.choose(&greedy, history: [])
        return nil
      }
    }
    if total < model.context { session.touchCaches() }
    let most = sampler.stop()
    return MemoryMeasurement(choice, filled: total, most, threads: engineThreads)
  }

  private func measureEncoder(
    _ model: InstalledModel, _ progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void
  ) async throws -> MemoryMeasurement {
    let sampler = MemorySampler()
    let need = ModelLedger().complete(
      ModelChoice.embedderNeed(model, engine: host.engine), of: model.id)
    let network = try EncoderModel.open(directory: model.path)
    let text = Array(repeating: "a long passage about nothing in particular", count: 100)
      .joined(separator: " ")
    for round in 1...4 {
      _ = try network.embed(Array(repeating: text, count: 16), engine: host.engine)
      // The first has made the copies.
      if round == 1 { network.touchTables() }
      progress(round, 4)
    }
    let most = sampler.stop()
    let choice = ModelChoice(
      id: model.id, asked: model.id, path: model.path, context: network.maximumTokens, need: need,
      have: "",
      route: Route(choice: model.id, reason: "asked for"))
    return MemoryMeasurement(
      choice, filled: network.maximumTokens, most, threads: engineThreads)
  }
}

extension MemoryMeasurement {
  init(_ choice: ModelChoice, filled: Int, _ most: ProcessMemory, threads: Int) {
    self.init(
      model: choice.id, context: choice.context, filled: filled,
      terms: choice.need.terms.filter { $0.bytes > 0 }.map {
        GateReport.Term(name: $0.name, bytes: $0.bytes)
      },
      predictedAnonymous: choice.need.anonymous, predictedMapped: choice.need.mapped,
      measuredAnonymous: most.anonymous, measuredMapped: most.mapped, peak: most.peak,
      threads: threads)
  }
}

extension MemoryMeasurement {
  /// The same as rows of `carrel bench`, in MiB.
  package var rows: [BenchmarkRow] {
    func row(_ metric: String, _ bytes: Int) -> BenchmarkRow {
      BenchmarkRow(
        "memory", model: model, threads: threads, metric: "\(metric), \(context) tokens",
        unit: "MiB", values: [Double(bytes) / 1_048_576])
    }
    return [
      row("anonymous expected", predictedAnonymous), row("anonymous measured", measuredAnonymous),
      row("mapped expected", predictedMapped), row("mapped measured", measuredMapped),
      row("peak expected", predictedAnonymous + predictedMapped), row("peak measured", peak),
    ]
  }
}

/// Looks every few milliseconds how much memory the process holds, and keeps the most of each kind.
private final class MemorySampler: Sendable {
  private let most = Mutex(ProcessMemory.now())
  private let stopped = StopFlag()

  init() {
    DispatchQueue.global().async { [self] in
      while !stopped.isRaised {
        sample()
        usleep(5000)
      }
    }
  }

  private func sample() {
    let now = ProcessMemory.now()
    most.withLock { most in
      most.anonymous = max(most.anonymous, now.anonymous)
      most.mapped = max(most.mapped, now.mapped)
      most.peak = now.peak
    }
  }

  func stop() -> ProcessMemory {
    stopped.raise()
    sample()
    return most.withLock { $0 }
  }
}
