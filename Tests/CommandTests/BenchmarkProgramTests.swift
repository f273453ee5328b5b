import Testing

/// The program that measures, where it cannot.
@Suite("Benchmarks, the program")
struct BenchmarkProgramTests {
  @Test(
    "What cannot be measured ends with a sentence on the error stream and a code",
    arguments: [
      ([], "usage: Benchmarks kernels"), (["nonsense"], "usage: Benchmarks kernels"),
      (["growth"], "usage: Benchmarks growth MODEL"),
      (["kernels", "--runs", "no"], "kernels: cannot use --runs no"),
      (["kernels", "--table", "no"], "--table: expected one of"), (["job", "x"], "usage:"),
      (["--peer", "echo", "m.gguf", "--prompts", "x"], "--prompts: expected numbers"),
    ])
  func fails(arguments: [String], words: String) throws {
    let result = try Program.run(Program.built("Benchmarks"), arguments, seconds: 20)
    #expect(result.code == 1 && result.output.isEmpty)
    #expect(result.error.hasPrefix("Benchmarks: \(words)"), "\(result.error)")
  }

  @Test("A peer that says nothing of its speed is an error, not a row")
  func peer() throws {
    let model = try Program.models + "/smollm2-135m-instruct-q4_1/SmolLM2-135M-Instruct.Q4_1.gguf"
    let result = try Program.run(
      Program.built("Benchmarks"), ["--peer", "echo", model, "--runs", "1", "--prompts", "8"],
      seconds: 60)
    #expect(result.code == 1)
    #expect(result.error.hasPrefix("Benchmarks: echo: expected a line with"), "\(result.error)")
  }
}
