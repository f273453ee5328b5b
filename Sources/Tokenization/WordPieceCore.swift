/// The immutable tables of a WordPiece vocabulary, shared by all copies of its tokenizer.
final class WordPieceCore: Sendable {
  enum Role: UInt8, Sendable {
    /// Begins a word.
    case head
    /// Continues one.
    case tail
    /// `[CLS]` and the like; no text gives it.
    case special
  }

  /// Spellings without `##` and `▁`.
  let pieces: ByteStrings
  let roles: [Role]
  let heads: ByteTable
  let tails: ByteTable
  let specials: SpecialTokenMatcher
  private let unknown: TokenID
  private let normalizer: BertNormalizer
  private let longestPiece: Int

  /// The longest word that is looked up, in characters.
  private static let longestWord = 100
  private static let specialNames: Set<String> = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

  init(
    _ vocabulary: Vocabulary, unknown: TokenID?, normalizer: BertNormalizer
  ) throws(TokenizationError) {
    let source = vocabulary.pieces
    let marksTails = (0..<source.count).contains { Self.tailSpelling(source[$0]) != nil }
    var joined: [UInt8] = []
    joined.reserveCapacity(source.byteCount)
    var ends: [UInt32] = []
    ends.reserveCapacity(source.count)
    var roles: [Role] = []
    roles.reserveCapacity(source.count)
    var longest = 1
    for id in 0..<source.count {
      let piece = source[id]
      let kind = vocabulary.kind(of: id)
      if kind == .control || kind == .unknown || Self.isSpecial(piece) {
        roles.append(.special)
        joined.append(contentsOf: piece)
      } else if marksTails {
        let tail = Self.tailSpelling(piece)
        roles.append(tail == nil ? .head : .tail)
        joined.append(contentsOf: tail ?? piece[...])
      } else {
        let head = Self.headSpelling(piece)
        roles.append(head == nil ? .tail : .head)
        joined.append(contentsOf: head ?? piece[...])
      }
      longest = max(longest, joined.count - Int(ends.last ?? 0))
      ends.append(UInt32(joined.count))
    }
    let pieces = ByteStrings(joined: joined, ends: ends)
    self.pieces = pieces
    self.roles = roles
    longestPiece = longest
    heads = ByteTable(pieces) { roles[$0] == .head }
    tails = ByteTable(pieces) { roles[$0] == .tail }
    specials = SpecialTokenMatcher(
      (0..<pieces.count).filter { roles[$0] == .special }.map { (pieces[$0], TokenID($0)) })
    guard let unknown = unknown ?? specials.token(named: "[UNK]") else {
      throw TokenizationError(
        .inconsistent, "found no [UNK] token; a WordPiece vocabulary needs one",
        subject: "tokenizer.ggml.unknown_token_id")
    }
    self.unknown = unknown
    self.normalizer = normalizer
  }

  private static func isSpecial(_ piece: UnsafeBufferPointer<UInt8>) -> Bool {
    piece.count <= 6 && piece.first == UInt8(ascii: "[")
      && specialNames.contains(String(decoding: piece, as: UTF8.self))
  }

  /// `ing` of `##ing`.
  private static func tailSpelling(
    _ piece: UnsafeBufferPointer<UInt8>
  ) -> Slice<UnsafeBufferPointer<UInt8>>? {
    let hash = UInt8(ascii: "#")
    guard piece.count > 2, piece[0] == hash, piece[1] == hash else { return nil }
    return piece[2...]
  }

  /// `word` of `▁word`.
  private static func headSpelling(
    _ piece: UnsafeBufferPointer<UInt8>
  ) -> Slice<UnsafeBufferPointer<UInt8>>? {
    guard piece.count > 3, piece[0] == 0xE2, piece[1] == 0x96, piece[2] == 0x81 else { return nil }
    return piece[3...]
  }

  func encode(_ text: UnsafeBufferPointer<UInt8>, into output: inout [TokenID]) {
    normalizer.forEachWord(text) { word, characters in
      guard characters <= Self.longestWord else {
        output.append(unknown)
        return
      }
      let before = output.count
      var start = 0
      while start < word.count {
        let table = start == 0 ? heads : tails
        guard let base = word.baseAddress else { return }
        var end = min(word.count, start + longestPiece)
        var found = -1
        while end > start {
          // A piece ends between characters.
          if end == word.count || base[end] & 0xC0 != 0x80 {
            found = table.find(base + start, end - start)
            if found >= 0 { break }
          }
          end -= 1
        }
        guard found >= 0 else {
          output.removeSubrange(before...)
          output.append(unknown)
          return
        }
        output.append(TokenID(found))
        start = end
      }
    }
  }
}

extension SpecialTokenMatcher {
  func token(named name: String) -> TokenID? {
    var name = name
    return name.withUTF8 { token(of: $0) }
  }
}
