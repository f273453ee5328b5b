import Conversation
import Testing
import Tokenization

@Suite("Plain decoder")
struct PlainDecoderTests {
  let tokenizer = StubTokenizer(
    controls: ["<|im_end|>", "<think>", "</think>"], eosName: "<|im_end|>")
  let end: TokenID = 1000

  private func decode(
    _ ids: [TokenID], stopStrings: [String] = [], thinkTags: Bool = false,
    reason: StopReason = .maximumTokens
  ) -> [ResponseEvent] {
    var decoder = PlainDecoder(
      tokenizer: tokenizer, stopTokens: [end], stopStrings: stopStrings, thinkTags: thinkTags)
    var events: [ResponseEvent] = []
    for id in ids where decoder.stopRequest == nil { events += decoder.feed(id) }
    return (events + decoder.finish(reason)).coalesced()
  }

  @Test("Gives the text up to the stop token")
  func text() {
    #expect(decode(tokenizer.encode("Hello") + [end]) == [.text("Hello"), .end(.endOfTurn)])
    #expect(decode(tokenizer.encode("Hel")) == [.text("Hel"), .end(.maximumTokens)])
  }

  @Test("Gives characters whole and one U+FFFD for each maximal ill-formed part")
  func utf8() {
    var decoder = PlainDecoder(tokenizer: tokenizer, stopTokens: [end])
    let pieces = Array("é日🙂".utf8).flatMap { byte in decoder.feed(TokenID(byte)) }
    #expect(pieces == [.text("é"), .text("日"), .text("🙂")])
    #expect(decode([0xF0, 0x9F, 0x48, 0x69]) == [.text("\u{FFFD}Hi"), .end(.maximumTokens)])
    #expect(decode([0x48, 0xF0, 0x9F]) == [.text("H\u{FFFD}"), .end(.maximumTokens)])
    #expect(decode([0x48, 9999, 0x69]) == [.text("H\u{FFFD}i"), .end(.maximumTokens)])
  }

  @Test("What is held back when the stop token comes is part of the answer")
  func heldAtEnd() {
    #expect(
      decode(tokenizer.encode("<") + [end], thinkTags: true) == [.text("<"), .end(.endOfTurn)])
    #expect(decode([0x48, 0xF0, 0x9F, end]) == [.text("H\u{FFFD}"), .end(.endOfTurn)])
    #expect(
      decode(tokenizer.encode("a#") + [end], stopStrings: ["##"])
        == [.text("a#"), .end(.endOfTurn)])
  }

  @Test("Holds back what may become a stop string, and gives it back when it does not")
  func stopStrings() {
    var decoder = PlainDecoder(
      tokenizer: tokenizer, stopTokens: [end], stopStrings: ["\nUser:", "##"])
    #expect(decoder.feed(batch: tokenizer.encode("Hi\nUs")).events == [.text("Hi")])
    #expect(decoder.feed(batch: tokenizer.encode("e it")).events == [.text("\nUse it")])
    #expect(decoder.feed(batch: tokenizer.encode("#")).events.isEmpty)
    #expect(decoder.finish(.maximumTokens) == [.text("#"), .end(.maximumTokens)])
    #expect(
      decode(tokenizer.encode("Hi\nUser: x"), stopStrings: ["\nUser:"])
        == [.text("Hi"), .end(.stopString)])
  }

  @Test("A stop string at the very beginning leaves an empty answer and a notice")
  func stopStringFirst() {
    #expect(
      decode(tokenizer.encode("##x"), stopStrings: ["##"])
        == [.notice("The model gave an empty answer."), .end(.stopString)])
  }

  @Test("Takes a thought in tags, as text or as tokens, from in front of the answer")
  func thoughts() {
    let expected: [ResponseEvent] = [.thinking("hm ## "), .text("Yes"), .end(.endOfTurn)]
    #expect(
      decode(
        tokenizer.encode("<think>hm ## </think>\n\nYes") + [end], stopStrings: ["##"],
        thinkTags: true) == expected)
    #expect(
      decode(
        [1001] + tokenizer.encode("hm ## ") + [1002] + tokenizer.encode("\n\nYes") + [end],
        thinkTags: true) == expected)
  }

  @Test("Tags later in the answer are text, and so is a tag of a model that does not think")
  func laterTags() {
    let text = "Use <think> here</think>"
    #expect(decode(tokenizer.encode(text), thinkTags: true) == [.text(text), .end(.maximumTokens)])
    #expect(
      decode(tokenizer.encode("<think>x")) == [.text("<think>x"), .end(.maximumTokens)])
    #expect(
      decode(tokenizer.encode("<thi"), thinkTags: true) == [.text("<thi"), .end(.maximumTokens)])
  }

  @Test("A thought that never ends gives a notice, not an answer")
  func endlessThought() {
    let events = decode(tokenizer.encode("<think>hm</"), thinkTags: true)
    #expect(
      events == [
        .thinking("hm</"),
        .notice("The model stopped while it was still thinking; there is no answer."),
        .end(.maximumTokens),
      ])
  }

  @Test("The same events however the tokens are cut")
  func batches() {
    let ids = tokenizer.encode("<think>a é</think> b 🙂 ##c##") + [end]
    let whole = decode(ids, stopStrings: ["##c#"], thinkTags: true)
    var random = SeededRandom(seed: 7)
    for _ in 0..<500 {
      var decoder = PlainDecoder(
        tokenizer: tokenizer, stopTokens: [end], stopStrings: ["##c#"], thinkTags: true)
      var events: [ResponseEvent] = []
      var rest = ids[...]
      while !rest.isEmpty, decoder.stopRequest == nil {
        let count = Int.random(in: 1...7, using: &random)
        events += decoder.feed(batch: rest.prefix(count)).events
        rest = rest.dropFirst(count)
      }
      #expect((events + decoder.finish(.maximumTokens)).coalesced() == whole)
    }
  }

  @Test("Nothing at all gives a notice, and finishing twice gives nothing")
  func empty() {
    var decoder = PlainDecoder(tokenizer: tokenizer, stopTokens: [end])
    #expect(decoder.feed(end).isEmpty)
    #expect(
      decoder.finish(.maximumTokens) == [
        .notice("The model gave an empty answer."), .end(.endOfTurn),
      ])
    #expect(decoder.finish(.cancelled).isEmpty)
    #expect(decoder.feed(72).isEmpty)
  }
}
