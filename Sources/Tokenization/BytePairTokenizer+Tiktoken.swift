/// Vocabularies in tiktoken's form: lines of `base64 rank`, ranks counting up from 0.

extension BytePairTokenizer {
  /// o200k_harmony, the vocabulary of gpt-oss, from the bytes of `o200k_base.tiktoken`.
  ///
  /// Its control tokens lie after the ordinary ones, up to 201087; those without a use of their
  /// own are `<|reserved_ID|>`.
  ///
  /// - Parameter ordinary: how many tokens the file must hold. Another number (a cut vocabulary)
  ///   moves the control tokens along.
  package static func o200kHarmony(
    tiktoken file: UnsafeRawBufferPointer, ordinary: Int = HarmonyVocabulary.ordinary
  ) throws(TokenizationError) -> BytePairTokenizer {
    var (joined, ends) = try Self.parse(tiktoken: file)
    guard ends.count == ordinary else {
      throw TokenizationError(
        .inconsistent, "found \(ends.count) tokens, expected \(ordinary)",
        subject: "tiktoken vocabulary")
    }
    let shift = ordinary - HarmonyVocabulary.ordinary
    for id in HarmonyVocabulary.ordinary..<HarmonyVocabulary.count {
      joined.append(contentsOf: HarmonyVocabulary.name(of: id).utf8)
      ends.append(UInt32(joined.count))
    }
    let core = BytePairCore(
      pieces: ByteStrings(joined: joined, ends: ends), ordinary: ordinary, preTokenizer: .gpt4o)
    return BytePairTokenizer(
      core: core, bos: TokenID(HarmonyVocabulary.startOfText + shift),
      eos: TokenID(HarmonyVocabulary.return + shift))
  }

  /// The tokens of a tiktoken file end to end, and where each ends.
  private static func parse(
    tiktoken file: UnsafeRawBufferPointer
  ) throws(TokenizationError) -> ([UInt8], [UInt32]) {
    var joined: [UInt8] = []
    joined.reserveCapacity(file.count)
    var ends: [UInt32] = []
    ends.reserveCapacity(file.count / 16)
    var index = 0
    while index < file.count {
      if file[index] == 0x0A || file[index] == 0x0D {
        index += 1
        continue
      }
      let before = joined.count
      index = decodeBase64(file, from: index, into: &joined)
      guard joined.count > before, index < file.count, file[index] == 0x20 else {
        throw malformed(line: ends.count, "expected a token in base64 and a space")
      }
      index += 1
      var rank = 0
      let digits = index
      while index < file.count, let digit = digit(file[index]), rank < 1 << 24 {
        rank = rank * 10 + digit
        index += 1
      }
      guard index > digits, index == file.count || file[index] == 0x0A || file[index] == 0x0D
      else { throw malformed(line: ends.count, "expected a rank") }
      guard rank == ends.count else {
        throw malformed(line: ends.count, "found rank \(rank), expected \(ends.count)")
      }
      guard joined.count < 1 << 30 else { throw malformed(line: rank, "too long") }
      ends.append(UInt32(joined.count))
    }
    return (joined, ends)
  }

  private static func malformed(line: Int, _ message: String) -> TokenizationError {
    TokenizationError(.malformed, message, subject: "tiktoken vocabulary, token \(line)")
  }

  private static func digit(_ byte: UInt8) -> Int? {
    byte >= 0x30 && byte <= 0x39 ? Int(byte) - 0x30 : nil
  }

  /// Decodes base64 until a byte outside its alphabet; gives where it stopped, after padding.
  private static func decodeBase64(
    _ file: UnsafeRawBufferPointer, from start: Int, into output: inout [UInt8]
  ) -> Int {
    var index = start
    var bits: UInt32 = 0
    var count = 0
    while index < file.count, let value = base64(file[index]) {
      bits = bits << 6 | value
      count += 6
      if count >= 8 {
        count -= 8
        output.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
      index += 1
    }
    while index < file.count, file[index] == UInt8(ascii: "=") { index += 1 }
    return index
  }

  @inline(__always)
  private static func base64(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte) - 65
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte) - 97 + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte) - 48 + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}

/// The numbers of o200k_harmony (openai-harmony 0.0.8, tiktoken 0.14).
package enum HarmonyVocabulary {
  /// Ordinary tokens: ids `0 ..< ordinary`.
  package static let ordinary = 199_998
  package static let count = 201_088

  package static let startOfText = 199_998
  package static let endOfText = 199_999
  package static let `return` = 200_002
  package static let constrain = 200_003
  package static let channel = 200_005
  package static let start = 200_006
  package static let end = 200_007
  package static let message = 200_008
  package static let call = 200_012

  package static func name(of id: Int) -> String {
    switch id {
    case startOfText: "<|startoftext|>"
    case endOfText: "<|endoftext|>"
    case `return`: "<|return|>"
    case constrain: "<|constrain|>"
    case channel: "<|channel|>"
    case start: "<|start|>"
    case end: "<|end|>"
    case message: "<|message|>"
    case call: "<|call|>"
    default: "<|reserved_\(id)|>"
    }
  }
}
