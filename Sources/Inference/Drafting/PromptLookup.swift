import Tokenization

/// Guesses what comes next from what stood after the same words before: answers from documents copy
/// names, figures and phrases from the prompt. Saxena 2023, "Prompt Lookup Decoding".
///
/// It looks up the last `longest` tokens, then ever fewer down to `shortest`, and takes what followed
/// their latest earlier place. A guess costs a hash lookup; whether it is worth trying is for
/// `DraftPolicy` to say, and the model has the last word.
package struct PromptLookup: Sendable {
  static let longest = 6
  static let shortest = 2

  package private(set) var tokens: [TokenID] = []
  /// For each length, the place after the latest run of that many tokens, by hash. Where two hashes
  /// collide, the later run is kept; a place is checked before it is used.
  private var places: [[UInt64: Int32]]

  /// - Parameter tokens: the prompt.
  package init(_ tokens: [TokenID] = []) {
    places = Array(repeating: [:], count: Self.longest + 1)
    self.tokens.reserveCapacity(tokens.count + 1024)
    for token in tokens { append(token) }
  }

  package mutating func append(_ token: TokenID) {
    // A run is entered when the token after it is known, so that it never finds itself.
    let end = tokens.count
    for length in Self.shortest...Self.longest where end >= length {
      places[length][hash(end, length)] = Int32(end)
    }
    tokens.append(token)
  }

  /// What followed the latest earlier place of the last tokens; empty when there is none.
  ///
  /// - Returns: the guess, at most `limit` tokens, and how many tokens agreed before it.
  package func guess(limit: Int) -> (draft: ArraySlice<TokenID>, agreed: Int) {
    let end = tokens.count
    guard limit > 0 else { return ([], 0) }
    for length in stride(from: Self.longest, through: Self.shortest, by: -1) where end >= length {
      guard let place = places[length][hash(end, length)].map(Int.init),
        tokens[place - length..<place] == tokens[end - length..<end]
      else { continue }
      return (tokens[place..<min(place + limit, end)], length)
    }
    return ([], 0)
  }

  /// FNV-1a over the ids before `end`.
  private func hash(_ end: Int, _ length: Int) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for token in tokens[end - length..<end] {
      hash = (hash ^ UInt64(UInt32(bitPattern: token))) &* 0x100_0000_01b3
    }
    return hash
  }
}
