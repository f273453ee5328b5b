// `Benchmarks --peer PATH/llama-bench MODEL.gguf`: Carrel and llama.cpp on the same file with the same
// number of threads, in turn, so that a machine that slows down slows both.

import Compute
import Inference

struct PeerBenchmark {
  private let program: String
  private let path: String
  private var runs = 5
  private var threads = WorkerPool.defaultThreadCount()
  private var prompts = [512, 2048]
  private var instructionSet: String?
  private static let generated = 64

  /// One thing that both do, and how the peer is told to.
  private struct Job {
    var name: String
    /// Words for the peer.
    var asked: String
    /// Ours, in the same unit.
    var ours: () throws -> Double
    var isMemory = false
  }

  /// Arguments: PROGRAM MODEL [--threads N] [--runs N] [--prompts N,N…] [--kernels NAME].
  /// NAME is a lesser instruction set, avx2 or avxvnni: the peer has to be built for
  /// the same one.
  init(arguments: ArraySlice<String>) throws {
    var rest = arguments
    guard let program = rest.popFirst(), let path = rest.popFirst() else {
      throw BenchmarkError(Main.usage)
    }
    self.program = program
    self.path = path
    while let option = rest.popFirst() {
      let value = rest.popFirst() ?? ""
      switch (option, Int(value)) {
      case ("--threads", let count?) where count > 0: threads = count
      case ("--runs", let count?) where count > 0: runs = count
      case ("--kernels", _) where KernelTable.available.contains { $0.name == value }:
        instructionSet = value
      case ("--prompts", _):
        prompts = value.split(separator: ",").compactMap { Int($0) }.filter { $0 > 0 }
        if prompts.isEmpty { throw BenchmarkError("--prompts: expected numbers, found \(value)") }
      default: throw BenchmarkError("--peer: cannot use \(option) \(value)")
      }
    }
  }

  /// Prints one line of CSV for each metric: medians, lowest and highest of both, and their ratio. The
  /// first is the peak memory of a process of each that reads the first prompt and generates.
  func run() throws {
    let name = path.split(separator: "/").last ?? ""
    print("model,threads,runs,metric,carrel,lowest,highest,llama.cpp,lowest,highest,ratio")
    for job in jobs() {
      var ours: [Double] = []
      var theirs: [Double] = []
      for run in 0...runs {
        let own = try job.ours()
        let (answer, peak) = ChildProcess.run([program] + peerArguments(job.asked))
        guard let rate = rate(in: answer) else {
          throw BenchmarkError(
            "\(program): expected a line with \"avg_ts\", found \"\(answer.prefix(200))\"")
        }
        guard run > 0 else { continue }  // the first warms caches
        ours.append(own)
        theirs.append(job.isMemory ? Double(peak) / 1_048_576 : rate)
      }
      let figures = [ours, theirs].flatMap { values in
        let sorted = values.sorted()
        return [sorted[sorted.count / 2], sorted[0], sorted[sorted.count - 1]]
      }
      let numbers = figures.map { text($0) }.joined(separator: ",")
      print("\(name),\(threads),\(runs),\(job.name),\(numbers),\(text(figures[0] / figures[3], 2))")
    }
  }

  /// Memory comes first, while this process is small: a child's peak begins with its parent's size.
  private func jobs() -> [Job] {
    let shared = SharedRuns(path: path, threads: threads, instructionSet: instructionSet)
    var jobs = prompts.map { prompt in
      Job(name: "prefill \(prompt)", asked: "-p \(prompt) -n 0") {
        try shared.runs().prefill(prompt)
      }
    }
    jobs.append(
      Job(name: "decode \(Self.generated)", asked: "-p 0 -n \(Self.generated)") {
        try Self.decode(shared.runs())
      })
    let own = [
      "/proc/self/exe", "job", path, "\(prompts[0])", "\(Self.generated)", "\(threads)",
    ]
    let memory = Job(
      name: "peak MiB", asked: "-p \(prompts[0]) -n \(Self.generated)",
      ours: { Double(ChildProcess.run(own).peak) / 1_048_576 }, isMemory: true)
    return [memory] + jobs
  }

  /// One model for all jobs, opened by the first that needs it.
  private final class SharedRuns {
    private let path: String
    private let threads: Int
    private let instructionSet: String?
    private var opened: DecoderRuns?

    init(path: String, threads: Int, instructionSet: String?) {
      self.path = path
      self.threads = threads
      self.instructionSet = instructionSet
    }

    func runs() throws -> DecoderRuns {
      if let opened { return opened }
      let fresh = try DecoderRuns(path: path, threads: threads, instructionSet: instructionSet)
      opened = fresh
      return fresh
    }
  }

  private static func decode(_ runs: DecoderRuns) throws -> Double {
    let session = try runs.session(context: generated + 1)
    return try runs.decode(generated, session: session, context: generated + 1)
  }

  /// What the memory of is measured: `Benchmarks job MODEL PROMPT GENERATED THREADS`.
  static func job(_ arguments: ArraySlice<String>) throws {
    let numbers = arguments.dropFirst().compactMap { Int($0) }
    guard let path = arguments.first, numbers.count == 3 else { throw BenchmarkError(Main.usage) }
    let runs = try DecoderRuns(path: path, threads: numbers[2])
    let total = numbers[0] + numbers[1]
    let session = try runs.session(context: total)
    _ = try runs.decode(numbers[1], session: session, context: total)
  }

  private func peerArguments(_ asked: String) -> [String] {
    ["-m", path, "-t", "\(threads)", "-fa", "1"] + asked.split(separator: " ").map(String.init)
      + ["-r", "1", "-o", "jsonl"]
  }

  /// "avg_ts" of the last line that has one.
  private func rate(in answer: String) -> Double? {
    answer.split(separator: "\n").compactMap { number("avg_ts", in: $0) }.last
  }

  private func number(_ key: String, in line: Substring) -> Double? {
    let words = line.split(whereSeparator: { $0 == "," || $0 == " " || $0 == ":" || $0 == "}" })
    guard let index = words.firstIndex(of: "\"\(key)\""), index + 1 < words.count else {
      return nil
    }
    return Double(words[index + 1])
  }
}
