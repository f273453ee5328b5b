/// Content types that are told from other words without a recipient in front of them.
enum ContentType {
  static let known: Set<String> = ["json", "code", "text", "python"]

  /// The known type a word is, or begins with in front of a brace.
  static func prefix(of word: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    let end =
      word.firstIndex { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "[") } ?? word.endIndex
    let type = word[..<end]
    return known.contains(String(decoding: type, as: UTF8.self).lowercased()) ? type : nil
  }
}

/// The words of a part of a header, split at ASCII white space.
struct HeaderWords {
  let all: ArraySlice<UInt8>
  private var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    all = bytes
    position = bytes.startIndex
  }

  /// What has not been read, without the white space in front of it.
  var rest: ArraySlice<UInt8> { all[position...].drop(while: \.isSpace) }

  mutating func next() -> (text: String, bytes: ArraySlice<UInt8>)? {
    let rest = rest
    guard !rest.isEmpty else { return nil }
    let end = rest.firstIndex(where: \.isSpace) ?? rest.endIndex
    position = end
    return (String(decoding: rest[..<end], as: UTF8.self), rest[..<end])
  }
}

extension UInt8 {
  var isLetterOrDigit: Bool {
    (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
  }
}
