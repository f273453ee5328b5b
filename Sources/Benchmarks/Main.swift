@main
struct Main {
  static func main() async throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    switch arguments.first {
    case "retrieval": try await RetrievalBenchmark.run(Array(arguments.dropFirst()))
    default: print("usage: Benchmarks retrieval FOLDER [DIMENSION]")
    }
  }
}
