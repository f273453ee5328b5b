import Conversation
import Tokenization

/// Makes token streams: well-formed ones with what they must come to, damaged ones, and soup.
struct StreamGenerator {
  let stream: Stream
  var random: SeededRandom
  private let controls: [TokenID]
  private let headerWords: [[TokenID]]
  private let bodyWords: [[TokenID]]
  private let rareIDs: [TokenID]

  init(stream: Stream, seed: UInt64) {
    self.stream = stream
    random = SeededRandom(seed: seed)
    let tokens = stream.tokens
    controls = [
      tokens.start, tokens.message, tokens.channel, tokens.constrain, tokens.end, tokens.return,
      tokens.call,
    ]
    headerWords = [
      "assistant", "analysis", "commentary", "final", " to=functions.f", " to=functions.tool",
      " json", " code", "user", "system", "Final", " final", "summary", "functions.f",
      " to=assistant", "json", "fin", "tool",
    ].map(stream.ids)
    bodyWords = ["Hello", " world", " the", "\n", " 42", "日本", "é", "😀", "{}", #"{"a":1}"#, "."]
      .map(stream.ids)
    rareIDs = [200_013, 200_500, 199_998, 250_000, -1, 9552, TokenID(tokens.endOfText ?? 0)]
  }

  mutating func pick<T>(_ values: [T]) -> T {
    values[Int.random(in: 0..<values.count, using: &random)]
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

  /// Any tokens at all.
  mutating func soup() -> [TokenID] {
    var ids: [TokenID] = []
    for _ in 0..<Int.random(in: 1...24, using: &random) {
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<45: ids.append(pick(controls))
      case 45..<75: ids += pick(headerWords)
      case 75..<93: ids += pick(bodyWords)
      case 93..<97: ids.append(TokenID(Int.random(in: 0..<256, using: &random)))
      default: ids.append(pick(rareIDs))
      }
    }
    return ids
  }

  /// A generation as the format wants it, and the messages it holds.
  mutating func wellFormed() -> (ids: [TokenID], messages: [DecodedMessage]) {
    var ids: [TokenID] = []
    var messages: [DecodedMessage] = []
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      let channel = chance(70) ? "analysis" : "commentary"
      append(channel, body(), end: stream.tokens.end)
    }
    if chance(30) {
      call()
    } else {
      append("final", body(), end: stream.tokens.return)
    }
    return (ids, messages)

    func begin() {
      if !messages.isEmpty { ids += [stream.tokens.start] + stream.ids("assistant") }
    }
    func append(_ channel: String, _ body: [TokenID], end: TokenID) {
      begin()
      ids += [stream.tokens.channel] + stream.ids(channel) + [stream.tokens.message] + body + [end]
      let text = String(decoding: stream.tokenizer.bytes(of: body), as: UTF8.self)
      messages.append(
        DecodedMessage(
          channel: channel, text: text,
          disposition: channel == "final"
            ? .answer : channel == "analysis" ? .thinking : .commentary))
    }
    func call() {
      begin()
      let inRole = chance(50)
      let kind = pick(["", " json", " <K>json", "<K>json"])
      ids += stream.ids(
        inRole
          ? " to=functions.f<C>commentary\(kind)<M>{\"a\":1}<X>"
          : "<C>commentary to=functions.f\(kind)<M>{\"a\":1}<X>")
      let type = kind.isEmpty ? nil : kind == " json" ? "json" : "<|constrain|>json"
      messages.append(
        DecodedMessage(
          channel: "commentary", recipient: "functions.f", contentType: type, text: #"{"a":1}"#,
          disposition: .toolCall))
    }
  }

  /// Ordinary tokens, sometimes ending inside a character.
  private mutating func body() -> [TokenID] {
    var ids: [TokenID] = []
    for _ in 0..<Int.random(in: 0...8, using: &random) {
      ids += chance(85) ? pick(bodyWords) : [TokenID(Int.random(in: 0..<256, using: &random))]
    }
    return ids
  }

  /// A well-formed generation with one to four tokens lost, doubled, swapped or replaced.
  mutating func damaged() -> [TokenID] {
    var ids = wellFormed().ids
    for _ in 0..<Int.random(in: 1...4, using: &random) where !ids.isEmpty {
      let place = Int.random(in: 0..<ids.count, using: &random)
      switch Int.random(in: 0..<7, using: &random) {
      case 0: ids.remove(at: place)
      case 1: ids.insert(ids[place], at: place)
      case 2: ids.swapAt(place, Int.random(in: 0..<ids.count, using: &random))
      case 3: ids[place] = pick(controls)
      case 4: ids.insert(contentsOf: pick(headerWords), at: place)
      case 5: ids.insert(pick(controls + rareIDs), at: place)
      default: ids.removeSubrange(place...)
      }
    }
    return ids
  }

  /// The ids in random batches.
  mutating func batches(_ ids: [TokenID]) -> [[TokenID]] {
    var rest = ids[...]
    var batches: [[TokenID]] = []
    while !rest.isEmpty {
      let count = Int.random(in: 1...6, using: &random)
      batches.append(Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    return batches
  }
}
