import Conversation
import Testing
import Tokenization

/// o200k_harmony cut to the ids of the fixtures. Texts the renderer asks for are encoded as the
/// reference did; others by the longest token that fits, which decodes to the same bytes.
struct CutHarmonyTokenizer: Tokenizer {
  private let pieces: [String: [TokenID]]
  private let byID: [TokenID: [UInt8]]
  private let byBytes: [[UInt8]: TokenID]
  private let longest: Int

  static let shared = Result { try CutHarmonyTokenizer() }

  private init() throws {
    let json = try Fixture.json("harmony/vocabulary.json")
    var pieces: [String: [TokenID]] = [:]
    for piece in json["pieces"]?.array ?? [] {
      pieces[try #require(piece["text"]?.string)] = piece["ids"]?.ids
    }
    var byID: [TokenID: [UInt8]] = [:]
    for member in json["vocabulary"]?.members ?? [] {
      byID[try #require(TokenID(member.key))] = Self.hex(try #require(member.value.string))
    }
    self.pieces = pieces
    self.byID = byID
    byBytes = Dictionary(byID.map { ($1, $0) }, uniquingKeysWith: min)
    longest = byID.values.map(\.count).max() ?? 0
  }

  private static func hex(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = text[...]
    while !rest.isEmpty {
      bytes.append(UInt8(rest.prefix(2), radix: 16) ?? 0)
      rest = rest.dropFirst(2)
    }
    return bytes
  }

  /// Every ordinary id of the cut vocabulary.
  var ordinary: [TokenID] { byID.keys.sorted() }

  let vocabularySize = HarmonyVocabulary.count

  func encode(_ utf8: UnsafeBufferPointer<UInt8>, special: SpecialTokens) -> [TokenID] {
    if let ids = pieces[String(decoding: utf8, as: UTF8.self)] { return ids }
    var ids: [TokenID] = []
    var rest = Array(utf8)[...]
    while !rest.isEmpty {
      var length = min(longest, rest.count)
      while length > 1, byBytes[Array(rest.prefix(length))] == nil { length -= 1 }
      ids.append(byBytes[Array(rest.prefix(length))] ?? -1)
      rest = rest.dropFirst(length)
    }
    return ids
  }

  func bytes(of id: TokenID) -> [UInt8] { byID[id] ?? [] }

  func name(of id: TokenID) -> String {
    isControl(id)
      ? HarmonyVocabulary.name(of: Int(id)) : String(decoding: bytes(of: id), as: UTF8.self)
  }

  func isControl(_ id: TokenID) -> Bool {
    Int(id) >= HarmonyVocabulary.ordinary && Int(id) < HarmonyVocabulary.count
  }

  func id(named name: String) -> TokenID? {
    (HarmonyVocabulary.ordinary..<HarmonyVocabulary.count)
      .first { HarmonyVocabulary.name(of: $0) == name }.map(TokenID.init)
  }

  var bos: TokenID? { TokenID(HarmonyVocabulary.startOfText) }
  var eos: TokenID? { TokenID(HarmonyVocabulary.return) }
  var addsBOS: Bool { false }
  var addsEOS: Bool { false }
}
