import Foundation
import Tensors
import Testing

/// A gpt-oss network that says what it is told: one micro network of the fixtures, in which nothing
/// but embedding and output is left, so that each token leads to the next. Where a token has two
/// successors the sampler's penalty on repetition takes the second one the second time.
enum ScriptedModel {
  static let thought = "this will not have"
  static let answer = "Name your new class"

  /// (token, successor, logit); ids of `gptoss-micro-b.gguf`.
  private static let steps: [(Int, Int, Float)] = {
    let start = 887, end = 888, message = 889, channel = 886
    let assistant = [456, 421, 493]
    let analysis = [270, 280, 88, 82, 276]
    // Letter by letter: the usual tokens of "final" share one with "analysis".
    let final = [69, 72, 77, 64, 75]
    let thought = [851, 738, 625, 679]
    let answer = [864, 634, 620, 744]
    func chain(_ ids: [Int]) -> [(Int, Int, Float)] {
      zip(ids, ids.dropFirst()).map { ($0, $1, 64) }
    }
    return chain([start] + assistant + [channel]) + chain([channel] + analysis + [message])
      + chain([message] + thought + [end, start]) + [(channel, final[0], 61)]
      + chain(final + [message]) + [(message, answer[0], 61)] + chain(answer + [883])
  }()

  /// Writes the network to `path`.
  static func write(to path: String) throws {
    let source = GeneratedTextTests.root.appending(
      path: "Tests/InferenceTests/Fixtures/gptoss-micro-b.gguf"
    ).path
    let file = try GGUFFile(path: source)
    var data = try Data(contentsOf: URL(filePath: source))
    for name in file.tensorNames {
      let tensor = try #require(file.tensor(named: name))
      let isSilent =
        name.contains("attn_output") || name.contains("ffn_down") || name.hasPrefix("token_embd")
        || name == "output.weight"
      if isSilent { data.replaceSubrange(tensor.range, with: Data(count: tensor.range.count)) }
    }
    let norm = try #require(file.tensor(named: "output_norm.weight"))
    for index in 0..<norm.elementCount {
      put(Float(1).bitPattern, at: norm.range.lowerBound + 4 * index)
    }
    let embedding = try #require(file.tensor(named: "token_embd.weight"))
    let output = try #require(file.tensor(named: "output.weight"))
    // Each token of the script is one axis; after the norm its length is the root of the width.
    let axes = Dictionary(
      uniqueKeysWithValues: Set(steps.map(\.0)).sorted().enumerated().map { ($1, $0) })
    for (token, axis) in axes { set(embedding, row: token, column: axis, 1) }
    let length = Float(embedding.columns).squareRoot()
    for (token, next, logit) in steps {
      set(output, row: next, column: try #require(axes[token]), logit / length)
    }
    try data.write(to: URL(filePath: path))

    func put(_ bits: UInt32, at offset: Int) {
      for byte in 0..<4 { data[offset + byte] = UInt8(truncatingIfNeeded: bits >> (8 * byte)) }
    }
    /// One value of a Q8_0 block: 32 values, half-precision scale first.
    func set(_ tensor: Tensor, row: Int, column: Int, _ value: Float) {
      let block = tensor.range.lowerBound + row * tensor.rowBytes + column / 32 * 34
      let scale = Float16(value / 127).bitPattern
      data[block] = UInt8(truncatingIfNeeded: scale)
      data[block + 1] = UInt8(truncatingIfNeeded: scale >> 8)
      data[block + 2 + column % 32] = 127
    }
  }
}

@Suite("Thinking, from the network to the screen", .serialized)
struct ScriptedModelTests {
  private func place() throws -> (EndToEndTests.Place, [String]) {
    let place = try EndToEndTests.Place()
    let path = place.folder.path + "/scripted.gguf"
    try ScriptedModel.write(to: path)
    return (place, ["--model", path, "--retrieval", "off"])
  }

  @Test("In a pipe only the answer is on standard output")
  func pipe() throws {
    let (place, arguments) = try place()
    let result = try Program.run(
      Program.carrel, arguments, input: "Hello\n", environment: place.environment,
      directory: place.folder.path)
    #expect(result.code == 0)
    #expect(result.output == ScriptedModel.answer + "\n", "\(result.output) \(result.error)")
    #expect(!result.error.contains(ScriptedModel.thought))
  }

  @Test("At a terminal thoughts are one line that counts tokens and goes away, or dimmed text")
  func terminal() throws {
    let (place, arguments) = try place()
    let hidden = try #require(
      PseudoTerminal(try Program.carrel, arguments, environment: place.environment))
    #expect(hidden.wait(for: "carrel> "))
    hidden.type("Hello\r")
    #expect(hidden.wait(for: "thinking… "), "\(hidden.output)")
    #expect(hidden.wait(for: " tokens"))
    #expect(hidden.wait(for: "\r\u{1B}[K"), "the line goes away")
    #expect(hidden.wait(for: ScriptedModel.answer), "\(hidden.output)")
    #expect(hidden.wait(for: "carrel> "))
    hidden.type("/thinking on\r")
    #expect(hidden.wait(for: "Thinking is shown."))
    #expect(hidden.wait(for: "carrel> "))
    hidden.type("/retry\r")
    // Word by word, so the words stand in pieces of their own.
    for word in ScriptedModel.thought.split(separator: " ") {
      #expect(hidden.wait(for: String(word)), "\(hidden.output)")
    }
    #expect(hidden.wait(for: "Name"))
    #expect(hidden.wait(for: " written"))
    #expect(hidden.wait(for: "carrel> "))
    hidden.type("/status\r")
    #expect(hidden.wait(for: "Recoveries") && hidden.wait(for: "none needed"))
    hidden.type("/bye\r")
    #expect(hidden.exitCode() == 0)
  }
}
