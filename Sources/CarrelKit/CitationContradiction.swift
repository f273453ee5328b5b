/// What makes a claim false although the passage has nearly all of its words.
enum CitationContradiction {
  typealias Token = CitationTokens.Token

  static func exists(
    between claim: CitationTokens, and evidence: CitationEvidence, in passage: CitedPassage
  ) -> Bool {
    let said = evidence.said.map { passage.sentences[$0] }
    let near = evidence.near.map { passage.sentences[$0] }
    return lacksNumber(claim, evidence) || lacksName(claim, evidence, passage)
      || isNegated(claim, said: said, near: near) || isOpposite(claim, said)
      || isReplaced(claim, evidence, said) || isExchanged(claim, said)
      || isWidened(claim, near) || isSettled(claim, said)
  }

  // MARK: What must be there

  private static func lacksNumber(_ claim: CitationTokens, _ evidence: CitationEvidence) -> Bool {
    claim.tokens.indices.contains { claim.tokens[$0].kind == .number && !evidence.found[$0] }
  }

  /// Names may stand anywhere in the passage: its other sentences say "it".
  private static func lacksName(
    _ claim: CitationTokens, _ evidence: CitationEvidence, _ passage: CitedPassage
  ) -> Bool {
    claim.tokens.indices.contains { index in
      let token = claim.tokens[index]
      return token.kind == .name && !evidence.found[index]
        && !passage.sentences.contains { $0.contains(token) }
    }
  }

  // MARK: Negation

  /// The content words right after each negation, up to two in the same clause.
  private static func denied(_ text: CitationTokens) -> [[Token]] {
    var result: [[Token]] = []
    for (index, token) in text.tokens.enumerated() where token.kind == .negation {
      let rest = text.tokens[(index + 1)...]
      // "not only" denies nothing.
      if rest.first?.stem == "only" { continue }
      result.append(
        Array(rest.prefix { $0.clause == token.clause }.filter { $0.weight > 0 }.prefix(2)))
    }
    return result
  }

  private static func isNegated(
    _ claim: CitationTokens, said: [CitationTokens], near: [CitationTokens]
  ) -> Bool {
    func share(_ a: [Token], _ b: [Token]) -> Bool {
      a.isEmpty || b.isEmpty || a.contains { word in b.contains { $0.agrees(with: word) } }
    }
    let claimed = denied(claim)
    let there = near.flatMap(denied)
    if claimed.contains(where: { words in !there.contains { share(words, $0) } }) { return true }
    for sentence in said {
      for words in denied(sentence) where !words.isEmpty && words.allSatisfy(claim.contains) {
        if claimed.contains(where: { share($0, words) }) { continue }
        // The sentence may also say it without denying it, in a clause of its own.
        let clause = words[0].clause
        let isSaidToo = words.allSatisfy { word in
          sentence.tokens.contains { $0.clause != clause && $0.agrees(with: word) }
        }
        let rest = sentence.tokens.filter { token in
          token.clause == clause && token.weight > 0
            && !words.contains { $0.agrees(with: token) }
        }
        if !isSaidToo || rest.contains(where: claim.contains) { return true }
      }
    }
    return false
  }

  // MARK: More said than there is

  /// "All", "must" or the like, where neither the sentences nor their neighbours say so.
  private static func isWidened(_ claim: CitationTokens, _ near: [CitationTokens]) -> Bool {
    // "It has not been tried at any dose" claims less, not more.
    guard !claim.tokens.contains(where: { $0.kind == .negation }),
      claim.tokens.contains(where: { CitationLexicon.absolutes.contains($0.stem) })
    else { return false }
    return !near.contains { $0.tokens.contains { CitationLexicon.allowances.contains($0.stem) } }
  }

  /// "A causes B" of a passage that has "it is unclear whether A causes B".
  private static func isSettled(_ claim: CitationTokens, _ said: [CitationTokens]) -> Bool {
    guard !claim.tokens.contains(where: { CitationLexicon.reserves.contains($0.stem) }) else {
      return false
    }
    return said.contains { sentence in
      guard
        let doubt = sentence.tokens.firstIndex(where: { CitationLexicon.doubts.contains($0.stem) })
      else { return false }
      // What the claim says has to come after the doubt.
      let before = sentence.tokens[..<doubt].count { $0.weight > 1 && claim.contains($0) }
      let after = sentence.tokens[doubt...].count { $0.weight > 1 && claim.contains($0) }
      return after > before
    }
  }

  // MARK: Words changed

  /// A word the claim has more often than the passage, where the passage has its opposite more often.
  private static func isOpposite(_ claim: CitationTokens, _ said: [CitationTokens]) -> Bool {
    let there = counts(said.flatMap(\.tokens))
    let here = counts(claim.tokens)
    let isMissing = there.filter { $0.value > here[$0.key, default: 0] }
    for token in claim.tokens where token.kind == .word {
      guard here[token.stem, default: 0] > there[token.stem, default: 0] else { continue }
      if isMissing.contains(where: { CitationLexicon.oppose(token.stem, $0.key) }) { return true }
    }
    return false
  }

  private static func counts(_ tokens: [Token]) -> [String: Int] {
    tokens.reduce(into: [:]) { $0[$1.stem, default: 0] += 1 }
  }

  /// A word of the claim that the sentences lack, between words that frame another one there.
  private static func isReplaced(
    _ claim: CitationTokens, _ evidence: CitationEvidence, _ said: [CitationTokens]
  ) -> Bool {
    let content = claim.tokens.filter { $0.weight > 0 }
    let found = claim.tokens.indices.filter { claim.tokens[$0].weight > 0 }
      .map { evidence.found[$0] }
    let missing = content.indices.filter { index in
      content[index].weight > 1 && !said.contains { $0.contains(content[index]) }
    }
    guard !missing.isEmpty else { return false }
    for sentence in said {
      let there = sentence.tokens.filter { $0.weight > 0 }
      func isUsedUp(_ word: Token) -> Bool {
        content.count { $0.agrees(with: word) } >= there.count { $0.agrees(with: word) }
      }
      for index in missing {
        for spot in there.indices {
          // At an end of the claim one side has to do, if the word is nowhere near.
          let isLeft =
            index == 0
            ? !found[index] : spot > 0 && there[spot - 1].agrees(with: content[index - 1])
          guard isLeft else { continue }
          let isRight =
            index + 1 == content.count
            ? !found[index] && index > 0
            : spot + 1 < there.count && there[spot + 1].agrees(with: content[index + 1])
          if isRight, !isUsedUp(there[spot]) { return true }
        }
      }
    }
    return false
  }

  // MARK: Sides exchanged

  private static func isExchanged(_ claim: CitationTokens, _ said: [CitationTokens]) -> Bool {
    said.contains { isComparisonTurned(claim, $0) || isActionTurned(claim, $0) }
  }

  /// "A is higher than B" of a passage that has "B is higher than A".
  private static func isComparisonTurned(_ claim: CitationTokens, _ said: CitationTokens) -> Bool {
    guard let (left, right) = sides(claim), let (first, last) = sides(said) else { return false }
    let wasFirst = right.contains { word in
      first.contains { $0.agrees(with: word) } && !last.contains { $0.agrees(with: word) }
    }
    return wasFirst
      && left.contains { word in
        last.contains { $0.agrees(with: word) } && !first.contains { $0.agrees(with: word) }
      }
  }

  /// "A inhibits B" of a passage that has "B inhibits A"; "A is inhibited by B" says the same.
  private static func isActionTurned(_ claim: CitationTokens, _ said: CitationTokens) -> Bool {
    for (index, verb) in claim.tokens.enumerated() where verb.kind == .word && verb.isVerbal {
      guard let here = Action(claim, at: index, reach: 2) else { continue }
      for (spot, other) in said.tokens.enumerated() where other.stem == verb.stem && other.isVerbal
      {
        guard let there = Action(said, at: spot, reach: 6) else { continue }
        let isTurned =
          here.before.contains { word in there.after.contains { $0.agrees(with: word) } }
          && here.after.contains { word in there.before.contains { $0.agrees(with: word) } }
          && !here.before.contains { word in there.before.contains { $0.agrees(with: word) } }
          && !here.after.contains { word in there.after.contains { $0.agrees(with: word) } }
        if isTurned, here.isPassive == there.isPassive { return true }
      }
    }
    return false
  }

  /// A verb with up to `reach` content words before and after it in its clause.
  private struct Action {
    let before: [Token]
    let after: [Token]
    let isPassive: Bool

    init?(_ text: CitationTokens, at index: Int, reach: Int) {
      let tokens = text.tokens
      let clause = tokens[index].clause
      let next = tokens[(index + 1)...].prefix(24).prefix { $0.clause == clause }
      let previous = tokens[..<index].suffix(24).reversed().prefix { $0.clause == clause }
      isPassive = next.first?.stem == "by"
      let prepositions: Set = ["of", "in", "for", "to", "with", "from", "and", "or", "at", "on"]
      guard let follower = next.first, !prepositions.contains(follower.stem),
        let leader = previous.first, !prepositions.contains(leader.stem)
      else { return nil }
      before = Array(previous.filter { $0.weight > 0 }.prefix(reach))
      after = Array(next.filter { $0.weight > 0 }.prefix(reach))
    }
  }

  private static func sides(_ text: CitationTokens) -> ([Token], [Token])? {
    let tokens = text.tokens
    guard
      let than = tokens.firstIndex(where: { ["than", "versus", "vs", "compar"].contains($0.stem) })
    else { return nil }
    return (
      tokens[..<than].filter { $0.weight > 0 },
      Array(tokens[(than + 1)...].filter { $0.weight > 0 }.prefix(3))
    )
  }
}
