import Compute
import FoundationEssentials
import Inference
import Retrieval
import Tokenization

/// One measured figure, with what a stranger needs to measure it again.
public struct BenchmarkRow: Sendable, Codable, Equatable {
  public let name: String
  public let model: String
  public let threads: Int
  public let metric: String
  public let median: Double
  public let min: Double
  public let max: Double
  public let unit: String
  public let runs: Int

  init(
    _ name: String, model: String, threads: Int, metric: String, unit: String, values: [Double]
  ) {
    let sorted = values.sorted()
    self.name = name
    self.model = model
    self.threads = threads
    self.metric = metric
    self.median = sorted.isEmpty ? 0 : sorted[sorted.count / 2]
    self.min = sorted.first ?? 0
    self.max = sorted.last ?? 0
    self.unit = unit
    self.runs = values.count
  }
}

/// What `carrel bench` measures.
public enum BenchmarkKind: String, Sendable, CaseIterable {
  /// Reading a prompt: tokens a second at 512 tokens.
  case prefill
  /// Writing an answer: tokens a second over 64 tokens of plain text, one at a time, after 16.
  case decode
  /// Passages of 128 tokens a second through the embedding model, and one short query in ms.
  case embed
  /// One hybrid search of the index, warm, in ms.
  case search
  /// Reading, chunking, embedding and storing a folder, in MB/s.
  case index
  /// What a model takes in memory, beside what the gate expects; see `measureMemory`.
  case memory
}

extension Workspace {
  /// Measures one kind, `runs` times after one run that is not counted.
  ///
  /// - Parameter folder: what `index` reads; the current directory by default.
  public func benchmark(_ kind: BenchmarkKind, runs: Int = 5, folder: String? = nil) async throws
    -> [BenchmarkRow]
  {
    let runs = Swift.max(1, runs)
    switch kind {
    case .prefill: return [try await prefill(tokens: 512, runs: runs)]
    case .decode: return try await decode(prompt: 16, tokens: 64, runs: runs)
    case .embed: return try await embed(runs: runs)
    case .search: return [try await search(runs: runs)]
    case .index: return [try await index(folder ?? ".", runs: runs)]
    case .memory: return try await measureMemory(settings.model).rows
    }
  }

  private func prefill(tokens: Int, runs: Int) async throws -> BenchmarkRow {
    let (model, _) = try await host.decoder(settings.model)
    let ids = Self.ids(tokens, vocabulary: model.network.configuration.vocabulary)
    var sampler = Sampler(.greedy)
    let values = try measure(runs) {
      let session = try model.makeTimeline(context: tokens)
      return Double(tokens)
        / (try Self.seconds {
          _ = try session.sync(to: ids) { _, _ in true }
          _ = session.output.choose(&sampler, history: [])
        })
    }
    return row("prefill", model.id, "prompt \(tokens)", "tokens/s", values)
  }

  private func decode(prompt: Int, tokens: Int, runs: Int) async throws -> [BenchmarkRow] {
    let (model, _) = try await host.decoder(settings.model)
    let ids = BenchmarkText.ids(prompt + tokens, tokenizer: model.tokenizer)
    var sampler = Sampler(.greedy)
    let values = try measure(runs) {
      let session = try model.makeTimeline(context: prompt + tokens)
      _ = try session.sync(to: Array(ids.prefix(prompt))) { _, _ in true }
      return Double(tokens)
        / (try Self.seconds {
          for id in ids[prompt...] {
            try session.advance(id)
            _ = session.output.choose(&sampler, history: [])
          }
        })
    }
    let peak = Double(ResidentMemory.peak()) / 1_048_576
    return [
      row("decode", model.id, "generate \(tokens)", "tokens/s", values),
      row("memory", model.id, "peak resident", "MiB", [peak]),
    ]
  }

  private func embed(runs: Int) async throws -> [BenchmarkRow] {
    guard let embedder = try await host.embedder() else { throw CarrelError.noEmbedder(settings) }
    // 126 one-token words and the two end tokens make passages of 128 tokens.
    let words = ["the", "house", "river", "music", "light", "water", "stone", "road", "time"]
    let passages = (0..<64).map { passage in
      (0..<126).map { words[($0 * 7 + passage * 5) % words.count] }.joined(separator: " ")
    }
    var rates: [Double] = []
    var queries: [Double] = []
    for run in 0...runs {
      let started = ContinuousClock.now
      _ = try await embedder.embed(passages)
      let seconds = started.duration(to: .now) / .seconds(1)
      let asked = ContinuousClock.now
      _ = try await embedder.embedQuery("how is the index stored on disk?")
      let milliseconds = asked.duration(to: .now) / .milliseconds(1)
      if run > 0 {
        rates.append(Double(passages.count) / seconds)
        queries.append(milliseconds)
      }
    }
    return [
      row("embed", embedder.identity.name, "128-token passages", "passages/s", rates),
      row("embed", embedder.identity.name, "one short query", "ms", queries),
    ]
  }

  private func search(runs: Int) async throws -> BenchmarkRow {
    let queries = [
      "how is the index stored", "which models fit in memory", "unit tests for the tokenizer",
      "what happens on Ctrl-C", "vector search with BLAS",
    ]
    var values: [Double] = []
    for run in 0...runs {
      for query in queries {
        let milliseconds = try await search(query, limit: 8).seconds * 1000
        if run > 0 { values.append(milliseconds) }
      }
    }
    return row("search", "hybrid", "one query, warm", "ms", values)
  }

  private func index(_ folder: String, runs: Int) async throws -> BenchmarkRow {
    var values: [Double] = []
    for run in 0...runs {
      let place = FileManager.default.temporaryDirectory
        .appending(path: "carrel-bench-\(ProcessInfo.processInfo.processIdentifier)-\(run)")
      defer { try? FileManager.default.removeItem(at: place) }
      var settings = settings
      settings.index = place.path
      let workspace = Workspace(settings, host: host)
      for try await event in workspace.addToIndex([folder]) {
        guard case .finished(let summary) = event, run > 0, summary.seconds > 0 else { continue }
        values.append(Double(summary.bytes) / 1e6 / summary.seconds)
      }
      if Task.isCancelled {
        // Indexing ends within a second; only then can its folder go for good.
        await Task.detached { try? await Task.sleep(for: .seconds(1)) }.value
        throw CancellationError()
      }
    }
    return row("index", "all stages", folder, "MB/s", values)
  }

  var engineThreads: Int { host.engine.pool.threads }

  private func row(
    _ name: String, _ model: String, _ metric: String, _ unit: String, _ values: [Double]
  ) -> BenchmarkRow {
    BenchmarkRow(
      name, model: model, threads: host.engine.pool.threads, metric: metric, unit: unit,
      values: values)
  }

  /// Figures of `runs` runs after one that warms caches.
  private func measure(_ runs: Int, _ run: () throws -> Double) throws -> [Double] {
    _ = try run()
    return try (0..<runs).map { _ in try run() }
  }

  private static func seconds(_ work: () throws -> Void) rethrows -> Double {
    let started = ContinuousClock.now
    try work()
    return started.duration(to: .now) / .seconds(1)
  }

  /// Ordinary ids, spread over the vocabulary in a fixed way.
  private static func ids(_ count: Int, vocabulary: Int) -> [TokenID] {
    (0..<count).map { TokenID(($0 &* 7919 &+ 101) % Swift.max(1, vocabulary - 300)) }
  }
}
