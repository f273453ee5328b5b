// `Benchmarks --peer PATH/llama-bench MODEL.gguf`: Carrel and llama.cpp on the same file with the same
// number of threads, in turn, so that a machine that slows down slows both.

import Compute
import Inference
import Tokenization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

struct PeerBenchmark {
  private let program: String
  private let path: String
  private var runs = 5
  private var threads = WorkerPool.defaultThreadCount()
  private static let prompt = 512
  private static let generated = 64

  /// Arguments: PROGRAM MODEL [--threads N] [--runs N]. Nil when they make no sense.
  init?(arguments: ArraySlice<String>) {
    var rest = arguments
    guard let program = rest.popFirst(), let path = rest.popFirst() else { return nil }
    self.program = program
    self.path = path
    while let option = rest.popFirst() {
      switch (option, rest.popFirst().flatMap { Int($0) }) {
      case ("--threads", let count?) where count > 0: threads = count
      case ("--runs", let count?) where count > 0: runs = count
      default: return nil
      }
    }
  }

  /// Prints one line of CSV for each metric: medians, lowest and highest of both, and their ratio.
  func run() throws {
    let model = try DecoderModel.open(path: path)
    let engine = Engine(pool: WorkerPool(threads: threads))
    var ours: [[Double]] = [[], []]
    var theirs: [[Double]] = [[], []]
    for run in 0...runs {
      let rates = [try prefill(model, engine), try decode(model, engine)]
      let answer = output(of: command)
      for metric in 0...1 {
        guard let rate = rate(metric, in: answer) else {
          return print("\(program): expected a line with \"avg_ts\", found \(answer.prefix(200))")
        }
        guard run > 0 else { continue }  // the first warms caches
        ours[metric].append(rates[metric])
        theirs[metric].append(rate)
      }
    }
    print("model,threads,runs,metric,carrel,lowest,highest,llama.cpp,lowest,highest,ratio")
    for (metric, name) in ["prefill \(Self.prompt)", "decode \(Self.generated)"].enumerated() {
      let (a, b) = (ours[metric].sorted(), theirs[metric].sorted())
      let figures = [a[a.count / 2], a[0], a[a.count - 1], b[b.count / 2], b[0], b[b.count - 1]]
      let ratio = (100 * figures[0] / figures[3]).rounded() / 100
      let text = figures.map { "\(($0 * 10).rounded() / 10)" }.joined(separator: ",")
      print("\(model.name),\(threads),\(runs),\(name),\(text),\(ratio)")
    }
  }

  private func ids(_ count: Int, _ model: DecoderModel) -> [TokenID] {
    (0..<count).map { TokenID(($0 * 7919 + 101) % max(1, model.configuration.vocabulary - 300)) }
  }

  private func prefill(_ model: DecoderModel, _ engine: Engine) throws -> Double {
    let session = try DecodingSession(model: model, engine: engine, context: Self.prompt)
    let start = ContinuousClock.now
    try session.sync(to: ids(Self.prompt, model))
    return Double(Self.prompt) / (start.duration(to: .now) / .seconds(1))
  }

  private func decode(_ model: DecoderModel, _ engine: Engine) throws -> Double {
    let session = try DecodingSession(model: model, engine: engine, context: Self.generated + 1)
    let ids = ids(Self.generated + 1, model)
    try session.sync(to: [ids[0]])
    let start = ContinuousClock.now
    for id in ids.dropFirst() { try session.advance(id) }
    return Double(Self.generated) / (start.duration(to: .now) / .seconds(1))
  }

  private var command: String {
    func quoted(_ word: String) -> String {
      "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
        + "'"
    }
    return "\(quoted(program)) -m \(quoted(path)) -t \(threads) -fa 1 -p \(Self.prompt)"
      + " -n \(Self.generated) -r 1 -o jsonl 2>/dev/null"
  }

  private func output(of command: String) -> String {
    guard let pipe = popen(command, "r") else { return "" }
    defer { pclose(pipe) }
    var bytes: [UInt8] = []
    while case let byte = getc(pipe), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// "avg_ts" of the line about prompts (metric 0) or generation (1).
  private func rate(_ metric: Int, in answer: String) -> Double? {
    for line in answer.split(separator: "\n") {
      guard let generated = number("n_gen", in: line) else { continue }
      if (generated > 0) == (metric == 1) { return number("avg_ts", in: line) }
    }
    return nil
  }

  private func number(_ key: String, in line: Substring) -> Double? {
    let words = line.split(whereSeparator: { $0 == "," || $0 == " " || $0 == ":" || $0 == "}" })
    guard let index = words.firstIndex(of: "\"\(key)\""), index + 1 < words.count else {
      return nil
    }
    return Double(words[index + 1])
  }
}
