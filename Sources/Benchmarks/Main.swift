// Speed and quality rows a stranger can repeat.

@main
struct Main {
  static func main() async throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    switch arguments.first {
    case "kernels":
      KernelBenchmark(arguments: arguments.dropFirst())?.run()
    case "vectors": try VectorBenchmark.run(Array(arguments.dropFirst()))
    case "retrieval":
      try await RetrievalBenchmark.run(Array(arguments.dropFirst()))
    case "sharing":
      try SharingBenchmark.run(Array(arguments.dropFirst()))
    case "growth":
      try GrowthBenchmark.run(Array(arguments.dropFirst()))
    case "perplexity":
      try PerplexityBenchmark.run(Array(arguments.dropFirst()))
<<<<<<< HEAD
    case "drafts":
      try await DraftBenchmark(Array(arguments.dropFirst()))?.run()
    case "--peer":
      if let peer = PeerBenchmark(arguments: arguments.dropFirst()) { return try peer.run() }
      fallthrough
=======
>>>>>>> f1f951c (Benchmarks of sharing a core, of growth with context, and of perplexity)
    default:
      print(
        """
        usage: Benchmarks kernels [--threads N] [--table NAME] [--type NAME] [--tokens N] [--runs N]
               Benchmarks retrieval FOLDER [DIMENSION]
               Benchmarks vectors ROWS [DIMENSION]
<<<<<<< HEAD
               Benchmarks --peer PATH/llama-bench MODEL.gguf [--threads N] [--runs N]
               Benchmarks drafts DOCUMENT… [--model ID] [--models FOLDER] [--runs N] [--tokens N]
=======
>>>>>>> f1f951c (Benchmarks of sharing a core, of growth with context, and of perplexity)
               Benchmarks sharing MODEL [RUNS] [THREADS]
               Benchmarks growth MODEL [RUNS] [THREADS]
               Benchmarks perplexity MODEL TEXT [TOKENS]
        """)
    }
  }
}
