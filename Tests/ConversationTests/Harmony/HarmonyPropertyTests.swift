import Conversation
import Testing
import Tokenization

/// The invariants of the table, on random streams: 40,000 of soup, 50,000 damaged, 20,000
/// well-formed, each with a seed of its own that a failure names.
@Suite("Harmony: invariants")
struct HarmonyPropertyTests {
  let stream: Stream
  let offered = OfferedTools.named(["f"])

  init() throws { stream = try Stream() }

  @Test("Well-formed streams come to exactly their messages, without repairs")
  func wellFormed() {
    for seed in 0..<UInt64(20_000) {
      var generator = StreamGenerator(stream: stream, seed: seed)
      let (ids, messages) = generator.wellFormed()
      let out = stream.decode(ids, offered: offered)
      #expect(out.messages == messages, "seed \(seed)")
      #expect(out.result.recoveries.isEmpty, "seed \(seed)")
      check(ids, &generator, "well-formed \(seed)")
    }
  }

  @Test("Damaged streams keep the invariants")
  func damaged() {
    for seed in 0..<UInt64(50_000) {
      var generator = StreamGenerator(stream: stream, seed: 1_000_000 + seed)
      let ids = generator.damaged()
      check(ids, &generator, "damaged \(seed)")
    }
  }

  @Test("Token soup keeps the invariants")
  func soup() {
    for seed in 0..<UInt64(40_000) {
      var generator = StreamGenerator(stream: stream, seed: 2_000_000 + seed)
      let ids = generator.soup()
      check(ids, &generator, "soup \(seed)")
    }
  }

  @Test("What is marked as analysis never reaches the user")
  func analysisStaysHidden() {
    let secret = stream.ids(" think")
    for seed in 0..<UInt64(30_000) {
      var generator = StreamGenerator(stream: stream, seed: 3_000_000 + seed)
      let ids = withMarkedThoughts(
        seed % 2 == 0 ? generator.soup() : generator.damaged(), secret: secret)
      let out = stream.decode(ids, offered: offered)
      #expect(!out.answer.contains("think"), "seed \(seed)")
      #expect(!out.commentary.contains("think"), "seed \(seed)")
      #expect(!out.result.visible.contains("think"), "seed \(seed)")
    }
  }

  /// Replaces the text behind every whole `<|channel|>analysis<|message|>` by the secret.
  private func withMarkedThoughts(_ ids: [TokenID], secret: [TokenID]) -> [TokenID] {
    let header = stream.ids("<C>analysis<M>")
    var marked: [TokenID] = []
    var inThought = false
    for id in ids {
      let isText =
        !stream.tokenizer.isControl(id) && id >= 0 && !stream.tokenizer.bytes(of: id).isEmpty
      if inThought, isText {
        marked += secret
      } else {
        marked.append(id)
        inThought = marked.suffix(header.count).elementsEqual(header)
      }
    }
    return marked
  }

  private func check(_ ids: [TokenID], _ generator: inout StreamGenerator, _ name: String) {
    let out = stream.decode(ids, offered: offered)
    // Every byte of an ordinary token is counted exactly once.
    let bytes = ids.reduce(0) { $0 + stream.tokenizer.bytes(of: $1).count }
    #expect(out.result.bytes.total == bytes, "\(name)")
    // What is shown is what was counted; U+FFFD stands for bytes it does not have.
    if out.messages.allSatisfy({ !$0.text.unicodeScalars.contains("\u{FFFD}") }) {
      for (disposition, count) in [
        (HarmonyDisposition.answer, out.result.bytes.answer),
        (.commentary, out.result.bytes.commentary),
        (.toolCall, out.result.bytes.toolArguments),
      ] {
        let texts = out.messages.filter { $0.disposition == disposition }.map(\.text.utf8.count)
        #expect(texts.reduce(0, +) == count, "\(name)")
      }
    }
    // The events say the same as the record.
    let answers = out.messages.filter { $0.disposition == .answer && !$0.text.isEmpty }.map(\.text)
    if out.count(.unknownChannel) + out.count(.emptyChannel) == 0 {
      #expect(out.answer == answers.joined(separator: "\n"), "\(name)")
    } else {
      // A message of an unknown channel is shown last when it is shown at all (H22).
      let length = answers.map(\.utf8.count).reduce(0, +) + max(0, answers.count - 1)
      #expect(out.answer.utf8.count == length, "\(name)")
    }
    if out.commentary.isEmpty { #expect(out.answer == out.result.visible, "\(name)") }
    #expect(out.calls.count == out.messages.count { $0.disposition == .toolCall }, "\(name)")
    #expect(out.notices == out.result.notices, "\(name)")
    // No control token's name, nowhere: the generator's texts hold none.
    #expect(!(out.answer + out.commentary + out.thinking).contains("<|"), "\(name)")
    // Something to see, and one end.
    let visible = out.result.visible.contains { !$0.isWhitespace }
    #expect(visible || !out.notices.isEmpty, "\(name)")
    #expect(out.events.count { if case .end = $0 { true } else { false } } == 1, "\(name)")
    #expect(out.stop == out.result.stop, "\(name)")
    checkBatches(ids, &generator, name)
  }

  /// The same events however the tokens are cut, up to where the decoder asks to stop.
  private func checkBatches(
    _ ids: [TokenID], _ generator: inout StreamGenerator, _ name: String
  ) {
    var single = HarmonyDecoder(
      tokenizer: stream.tokenizer, tokens: stream.tokens, offered: offered)
    var expected: [ResponseEvent] = []
    for id in ids where single.stopRequest == nil { expected += single.feed(id) }
    expected += single.finish(.maximumTokens)

    var batched = HarmonyDecoder(
      tokenizer: stream.tokenizer, tokens: stream.tokens, offered: offered)
    var events: [ResponseEvent] = []
    for batch in generator.batches(ids) where batched.stopRequest == nil {
      events += batched.feed(batch: batch).events
    }
    events += batched.finish(.maximumTokens)
    #expect(events.coalesced() == expected.coalesced(), "\(name)")
    #expect(batched.result == single.result, "\(name)")
  }
}
