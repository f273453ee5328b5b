/// The immutable tables of a SentencePiece vocabulary, shared by all copies of its tokenizer.
final class SentencePieceCore: @unchecked Sendable {
  /// ▁, U+2581
  static let space: [UInt8] = [0xE2, 0x96, 0x81]

  /// Spellings with every space as ▁.
  let pieces: ByteStrings
  let kinds: [Vocabulary.Kind]
  /// Pieces that can come out of merging.
  let index: ByteTable
  /// Matched in every text, in its escaped form.
  let userDefined: SpecialTokenMatcher
  /// Matched only when special tokens are parsed, before escaping.
  let controls: SpecialTokenMatcher
  private let scores: [Float]
  private let unknown: TokenID
  /// The token of each byte, or -1.
  private let byteTokens: [TokenID]
  private let longestPiece: Int
  /// `joins[b]`: a piece has a ▁ after a character that ends in byte `b`, so a ▁ there does not
  /// begin a word of its own.
  private let joins: [Bool]
  private let hasUnused: Bool

  init(_ vocabulary: Vocabulary, unknown: TokenID?) throws(TokenizationError) {
    guard let scores = vocabulary.scores else {
      throw TokenizationError(
        .inconsistent, "missing; a SentencePiece vocabulary needs its scores",
        subject: "tokenizer.ggml.scores")
    }
    self.scores = scores
    let count = vocabulary.count
    let kinds = (0..<count).map { vocabulary.kind(of: $0) }
    self.kinds = kinds
    let pieces = Self.escaped(vocabulary, kinds)
    self.pieces = pieces
    index = ByteTable(pieces) { kinds[$0].isText }
    var longest = 0
    var joins = [Bool](repeating: false, count: 256)
    var byteTokens = [TokenID](repeating: -1, count: 256)
    var own: [(bytes: UnsafeBufferPointer<UInt8>, id: TokenID)] = []
    var controls: [(bytes: UnsafeBufferPointer<UInt8>, id: TokenID)] = []
    var unknown = unknown
    for id in 0..<count {
      let piece = pieces[id]
      switch kinds[id] {
      case .byte:
        if let byte = Self.byteValue(piece) { byteTokens[Int(byte)] = TokenID(id) }
      case .userDefined: own.append((piece, TokenID(id)))
      case .control: controls.append((piece, TokenID(id)))
      case .unknown: unknown = unknown ?? TokenID(id)
      case .normal, .unused: break
      }
      guard kinds[id].isText else { continue }
      longest = max(longest, piece.count)
      var at = 1
      while at + 3 <= piece.count {
        if piece[at] == 0xE2, piece[at + 1] == 0x96, piece[at + 2] == 0x81 {
          joins[Int(piece[at - 1])] = true
          at += 3
        } else {
          at += 1
        }
      }
    }
    self.joins = joins
    self.byteTokens = byteTokens
    self.unknown = unknown ?? -1
    longestPiece = longest
    hasUnused = kinds.contains(.unused)
    userDefined = SpecialTokenMatcher(own)
    self.controls = SpecialTokenMatcher(controls)
  }

  private static func escaped(_ vocabulary: Vocabulary, _ kinds: [Vocabulary.Kind]) -> ByteStrings {
    let source = vocabulary.pieces
    var joined: [UInt8] = []
    joined.reserveCapacity(source.byteCount + 1024)
    var ends: [UInt32] = []
    ends.reserveCapacity(source.count)
    for id in 0..<source.count {
      let piece = source[id]
      if kinds[id].isText, piece.contains(0x20) {
        for byte in piece {
          if byte == 0x20 { joined.append(contentsOf: space) } else { joined.append(byte) }
        }
      } else {
        joined.append(contentsOf: piece)
      }
      ends.append(UInt32(joined.count))
    }
    return ByteStrings(joined: joined, ends: ends)
  }

  /// The value of `<0xE2>`.
  private static func byteValue(_ piece: UnsafeBufferPointer<UInt8>) -> UInt8? {
    guard piece.count == 6 else { return nil }
    return UInt8(String(decoding: piece[3..<5], as: UTF8.self), radix: 16)
  }

  func byteValue(of id: Int) -> UInt8? { Self.byteValue(pieces[id]) }

  /// A piece's spelling with spaces for ▁.
  func unescaped(_ id: Int) -> [UInt8] {
    let piece = pieces[id]
    var output: [UInt8] = []
    output.reserveCapacity(piece.count)
    var at = 0
    while at < piece.count {
      if at + 3 <= piece.count, piece[at] == 0xE2, piece[at + 1] == 0x96, piece[at + 2] == 0x81 {
        output.append(0x20)
        at += 3
      } else {
        output.append(piece[at])
        at += 1
      }
    }
    return output
  }

  /// Cuts where no piece reaches across, which changes no merge and keeps words short.
  @inline(__always)
  func forEachWord(
    _ text: UnsafeBufferPointer<UInt8>, _ word: (UnsafePointer<UInt8>, Int) -> Void
  ) {
    guard let base = text.baseAddress else { return }
    let count = text.count
    var start = 0
    var at = 1
    while at + 3 <= count {
      if base[at] == 0xE2, base[at + 1] == 0x96, base[at + 2] == 0x81, !joins[Int(base[at - 1])] {
        word(base + start, at - start)
        start = at
        at += 3
      } else {
        at += 1
      }
    }
    word(base + start, count - start)
  }
}

extension Vocabulary.Kind {
  /// Whether a text's own characters can merge into it.
  fileprivate var isText: Bool { self == .normal || self == .userDefined || self == .unused }
}

extension SentencePieceCore: MergeRules {
  /// One character; an invalid byte stands alone.
  @inline(__always)
  func symbol(
    _ word: UnsafePointer<UInt8>, _ position: Int, _ end: Int
  ) -> (length: Int, id: TokenID) {
    (max(1, decodeScalar(word + position, end - position).length), -1)
  }

  /// The highest score is the lowest rank.
  @inline(__always)
  func rank(
    _ word: UnsafePointer<UInt8>, _ left: TokenID, _ right: TokenID, _ start: Int, _ end: Int
  ) -> UInt32 {
    if end - start > longestPiece { return .max }
    let id = index.find(word + start, end - start)
    if id < 0 { return .max }
    // Order-preserving bits of a float, turned around; -0 equals 0.
    let bits = (scores[id] + 0).bitPattern
    let ascending = bits >> 31 == 0 ? bits | 0x8000_0000 : ~bits
    return min(~ascending, .max - 1)
  }

  @inline(__always)
  func result(
    _ rank: UInt32, _ word: UnsafePointer<UInt8>, _ start: Int, _ end: Int
  ) -> TokenID {
    TokenID(index.find(word + start, end - start))
  }

  func append(
    _ id: TokenID, _ word: UnsafePointer<UInt8>, _ start: Int, _ end: Int,
    into output: inout [TokenID]
  ) {
    var id = id
    if id < 0 { id = TokenID(index.find(word + start, end - start)) }
    if id >= 0 {
      if hasUnused, kinds[Int(id)] == .unused, split(word, start, end, into: &output) { return }
      output.append(id)
      return
    }
    if (start..<end).allSatisfy({ byteTokens[Int(word[$0])] >= 0 }) {
      for at in start..<end { output.append(byteTokens[Int(word[at])]) }
    } else if unknown >= 0, output.last != unknown {
      output.append(unknown)
    }
  }

  /// An unused piece comes apart again into the two it merged from: its merging is done once more,
  /// up to the last step.
  private func split(
    _ word: UnsafePointer<UInt8>, _ start: Int, _ end: Int, into output: inout [TokenID]
  ) -> Bool {
    var borders = [start]
    while let at = borders.last, at < end { borders.append(at + symbol(word, at, end).length) }
    guard borders.count > 2 else { return false }
    while borders.count > 3 {
      let ranks = (2..<borders.count).map { rank(word, -1, -1, borders[$0 - 2], borders[$0]) }
      guard let first = ranks.min(), first < .max, let at = ranks.firstIndex(of: first) else {
        return false
      }
      borders.remove(at: at + 1)
    }
    append(-1, word, start, borders[1], into: &output)
    append(-1, word, borders[1], end, into: &output)
    return true
  }

  @inline(__always)
  func whole(_ word: UnsafePointer<UInt8>, _ count: Int, hash: UInt64) -> TokenID { -1 }
}
