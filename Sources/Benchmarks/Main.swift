// Speed and quality rows a stranger can repeat.

#if canImport(Glibc)
  @preconcurrency import Glibc
#elseif canImport(Darwin)
  @preconcurrency import Darwin
#endif

@main
struct Main {
  static func main() async {
    // Rows take minutes: each is seen when it is there, in a pipe too.
    setvbuf(stdout, nil, _IOLBF, 0)
    do {
      try await run()
    } catch {
      fputs("Benchmarks: \(error)\n", stderr)
      exit(1)
    }
  }

  private static func run() async throws {
    let arguments = CommandLine.arguments.dropFirst()
    let rest = Array(arguments.dropFirst())
    switch arguments.first {
    case "kernels": try KernelBenchmark(arguments: rest[...]).run()
    case "vectors": try VectorBenchmark.run(rest)
    case "retrieval": try await RetrievalBenchmark.run(rest)
    case "hybrid": try await HybridBenchmark.run(rest)
    case "changes": try await ChangeBenchmark.run(rest)
    case "rescan": try await RescanBenchmark.run(rest)
    case "lexical": try await LexicalBenchmark.run(rest)
    case "chunks": try await ChunkBenchmark.run(rest)
    case "followups": try await FollowUpBenchmark.run(rest)
    case "drafts": try await DraftBenchmark(rest).run()
    case "sharing": try SharingBenchmark.run(rest)
    case "growth": try GrowthBenchmark.run(rest)
    case "steps": try StepBenchmark.run(rest)
    case "cache": try CacheBenchmark.run(rest)
    case "perplexity": try PerplexityBenchmark.run(rest)
    case "job": try PeerBenchmark.job(rest[...])
    case "--peer": try PeerBenchmark(arguments: rest[...]).run()
    case "--help": print(usage)
    default: throw BenchmarkError(usage)
    }
  }

  static let usage = """
    usage: Benchmarks kernels [--threads N] [--table NAME] [--type NAME] [--tokens N] [--runs N]
           Benchmarks --peer PATH/llama-bench MODEL.gguf [--threads N] [--runs N]
                      [--prompts N,N…]
           Benchmarks drafts DOCUMENT… [--model ID] [--models FOLDER] [--runs N] [--tokens N]
           Benchmarks sharing MODEL [RUNS] [THREADS]
           Benchmarks growth MODEL [RUNS] [THREADS]
           Benchmarks steps MODEL [CONTEXT] [RUNS] [THREADS]
           Benchmarks cache MODEL TEXT [TOKENS] [RUNS] [THREADS]
           Benchmarks perplexity MODEL TEXT [TOKENS]
           Benchmarks retrieval FOLDER [DIMENSION [FILES]]
           Benchmarks vectors ROWS [DIMENSION]
           Benchmarks hybrid CHUNKS INDEX FOLDER…
           Benchmarks changes INDEX FOLDER…
           Benchmarks rescan FILES
           Benchmarks lexical CHUNKS FOLDER…
           Benchmarks chunks FOLDER [structure|recursive:TOKENS[:OVERLAP]…]
           Benchmarks followups FOLDER PAIRS.jsonl
    """
}

/// Why nothing, or not all, was measured: one sentence, or how the program is called.
struct BenchmarkError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
