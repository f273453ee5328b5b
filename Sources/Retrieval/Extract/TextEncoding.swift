import Glibc

/// How a file's bytes spell characters, and where each lies in the file.
///
/// Recognised: a UTF-8 or UTF-16 byte order mark, else UTF-16 without one (where most characters are
/// letters of alphabets), else UTF-8, else (when few bytes are not ASCII) Windows-1252, of which ISO
/// 8859-1 text is part. Anything else is binary. UTF-8 may be damaged: a log that was cut inside a
/// character, a line in another encoding.
package enum TextEncoding: Sendable, Equatable {
  case utf8, utf8WithMark, utf16LittleEndian, utf16BigEndian, windows1252
  /// Without a byte order mark.
  case utf16LittleEndianBare, utf16BigEndianBare

  /// Two bytes or four for a character.
  var isWide: Bool {
    switch self {
    case .utf16LittleEndian, .utf16BigEndian, .utf16LittleEndianBare, .utf16BigEndianBare: true
    case .utf8, .utf8WithMark, .windows1252: false
    }
  }

  /// Bytes of the mark at the beginning.
  var markBytes: Int {
    switch self {
    case .utf8WithMark: 3
    case .utf16LittleEndian, .utf16BigEndian: 2
    default: 0
    }
  }

  /// nil for binary content.
  package static func detect(_ bytes: UnsafeRawBufferPointer) -> TextEncoding? {
    if bytes.starts(with: [0xff, 0xfe]) {
      return hasControls(bytes, isLittle: true) ? nil : .utf16LittleEndian
    }
    if bytes.starts(with: [0xfe, 0xff]) {
      return hasControls(bytes, isLittle: false) ? nil : .utf16BigEndian
    }
    if let wide = bareUTF16(bytes) { return wide }
    if looksBinary(bytes) { return nil }
    if UTF8Check.isMostlyValid(bytes) {
      return bytes.starts(with: [0xef, 0xbb, 0xbf]) ? .utf8WithMark : .utf8
    }
    let sample = bytes.prefix(1 << 16)
    let high = sample.reduce(0) { $0 + ($1 >= 0x80 ? 1 : 0) }
    return high * 10 <= sample.count * 3 ? .windows1252 : nil
  }

  /// Whether a file that begins so is no text, whatever follows: then the rest need not be read.
  static func isBinary(beginning bytes: UnsafeRawBufferPointer) -> Bool {
    !bytes.starts(with: [0xff, 0xfe]) && !bytes.starts(with: [0xfe, 0xff])
      && bareUTF16(bytes) == nil && looksBinary(bytes)
  }

  /// The first 16-bit units.
  private static func units(
    _ bytes: UnsafeRawBufferPointer, isLittle: Bool
  ) -> some Collection<UInt16> {
    (0..<min(bytes.count, 4096) / 2).lazy.map { index in
      let raw = bytes.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)
      return isLittle ? UInt16(littleEndian: raw) : UInt16(bigEndian: raw)
    }
  }

  /// Whether the beginning has a control character that no text has: then it is UTF-32, or no text.
  private static func hasControls(_ bytes: UnsafeRawBufferPointer, isLittle: Bool) -> Bool {
    units(bytes, isLittle: isLittle).contains { $0 < 32 && !($0 >= 7 && $0 <= 13) && $0 != 27 }
  }

  /// UTF-16 without a mark: in one byte order, and only in that one, most units of the beginning are
  /// letters of an alphabet (the blocks from Latin to Arabic) and none is a control character.
  private static func bareUTF16(_ bytes: UnsafeRawBufferPointer) -> TextEncoding? {
    guard bytes.count >= 8, bytes.count % 2 == 0 else { return nil }
    func isText(_ isLittle: Bool) -> Bool {
      guard !hasControls(bytes, isLittle: isLittle) else { return false }
      let units = units(bytes, isLittle: isLittle)
      let letters = units.reduce(0) {
        $0 + ($1 >= 32 && $1 < 0x700 || $1 >= 9 && $1 <= 13 ? 1 : 0)
      }
      return letters * 10 >= units.count * 7
    }
    let isLittle = isText(true)
    guard isLittle != isText(false) else { return nil }
    return isLittle ? .utf16LittleEndianBare : .utf16BigEndianBare
  }

  /// A NUL in the first MiB, or more than one control character in fifty.
  private static func looksBinary(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let base = bytes.baseAddress else { return false }
    if memchr(base, 0, min(bytes.count, 1 << 20)) != nil { return true }
    let sample = bytes.prefix(8192)
    let controls = sample.reduce(0) { $0 + ($1 < 32 && !($1 >= 7 && $1 <= 13) && $1 != 27 ? 1 : 0) }
    return controls * 50 > sample.count
  }

  /// The text as UTF-8. Unpaired surrogates become U+FFFD. Bytes that are no UTF-8 become "?", one for
  /// each, so that every other byte stays where it is in the file.
  package func decode(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    switch self {
    case .utf8: return UTF8Check.mended(bytes)
    case .utf8WithMark: return UTF8Check.mended(.init(rebasing: bytes.dropFirst(3)))
    case .windows1252:
      var text: [UInt8] = []
      text.reserveCapacity(bytes.count + bytes.count / 8)
      for byte in bytes {
        if byte < 0x80 {
          text.append(byte)
        } else {
          text.append(contentsOf: Self.encoded[Int(byte) - 0x80])
        }
      }
      return text
    case .utf16LittleEndian, .utf16BigEndian, .utf16LittleEndianBare, .utf16BigEndianBare:
      let first = markBytes
      let isLittle = self == .utf16LittleEndian || self == .utf16LittleEndianBare
      let units = (0..<max(0, (bytes.count - first) / 2)).lazy.map { index in
        let unit = bytes.loadUnaligned(fromByteOffset: first + index * 2, as: UInt16.self)
        return isLittle ? UInt16(littleEndian: unit) : UInt16(bigEndian: unit)
      }
      return Array(String(decoding: units, as: UTF16.self).utf8)
    }
  }

  /// UTF-8 of the bytes 0x80...0xff.
  private static let encoded: [[UInt8]] = {
    let special: [UInt32] = [
      0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039,
      0x0152, 0x8d, 0x017d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
      0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178,
    ]
    return (special + (0xa0...0xff).map { $0 }).map { value in
      Array(String(Unicode.Scalar(value).map(Character.init) ?? "\u{fffd}").utf8)
    }
  }()
}

/// Maps byte offsets in decoded text to byte offsets in the file.
package struct OffsetMap: Sendable {
  private let encoding: TextEncoding
  /// File offset at every `step`-th byte of text.
  private var marks: [Int] = []
  private static let step = 1024

  package init(_ encoding: TextEncoding, text: UnsafeRawBufferPointer) {
    self.encoding = encoding
    guard encoding == .windows1252 || isWide else { return }
    var offset = encoding.markBytes
    for (index, byte) in text.enumerated() {
      if index % Self.step == 0 { marks.append(offset) }
      offset += width(byte)
    }
    marks.append(offset)
  }

  private var isWide: Bool { encoding.isWide }

  /// File bytes of the character that `byte` begins; 0 for later bytes of a character.
  private func width(_ byte: UInt8) -> Int {
    if byte & 0xc0 == 0x80 { return 0 }
    if isWide { return byte >= 0xf0 ? 4 : 2 }
    return 1
  }

  /// - Parameter offset: where a character begins in `text`, or its end.
  package func original(_ offset: Int, text: UnsafeRawBufferPointer) -> Int {
    switch encoding {
    case .utf8: return offset
    case .utf8WithMark: return offset + 3
    default:
      guard offset < text.count else { return marks.last ?? 0 }
      var mapped = marks[offset / Self.step]
      for index in (offset / Self.step * Self.step)..<offset { mapped += width(text[index]) }
      return mapped
    }
  }
}

enum UTF8Check {
  /// Whether bytes are well-formed UTF-8 (Unicode 15, table 3-7).
  static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
    nextFault(bytes, from: 0) == nil
  }

  /// Whether bytes are UTF-8 but for fewer bytes than there are characters beyond ASCII. Text in other
  /// encodings has next to none that look like such a character.
  static func isMostlyValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var (faults, sequences, index) = (0, 0, 0)
    while let fault = nextFault(bytes, from: index, counting: &sequences) {
      faults += 1
      index = fault + 1
    }
    return faults == 0 || faults < sequences
  }

  /// A copy in which bytes that are no UTF-8 are question marks.
  static func mended(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var result = Array(bytes)
    var index = 0
    while let fault = nextFault(bytes, from: index) {
      result[fault] = UInt8(ascii: "?")
      index = fault + 1
    }
    return result
  }

  /// The first byte at or after `start`, where a character begins, that belongs to no character.
  private static func nextFault(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    var sequences = 0
    return nextFault(bytes, from: start, counting: &sequences)
  }

  private static func nextFault(
    _ bytes: UnsafeRawBufferPointer, from start: Int, counting sequences: inout Int
  ) -> Int? {
    let count = bytes.count
    var index = start
    while index < count {
      if index + 8 <= count,
        bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
      {
        index += 8
        continue
      }
      let lead = bytes[index]
      if lead < 0x80 {
        index += 1
        continue
      }
      guard let length = sequenceLength(bytes, index, lead) else { return index }
      sequences += 1
      index += length
    }
    return nil
  }

  private static func sequenceLength(
    _ bytes: UnsafeRawBufferPointer, _ index: Int, _ lead: UInt8
  ) -> Int? {
    let length =
      lead >= 0xc2 && lead <= 0xdf
      ? 2
      : lead >= 0xe0 && lead <= 0xef
        ? 3
        : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0
    guard length > 0, index + length <= bytes.count else { return nil }
    let second = bytes[index + 1]
    let low: UInt8 = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80
    let high: UInt8 = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf
    guard second >= low, second <= high else { return nil }
    for offset in 2..<max(length, 2) where bytes[index + offset] & 0xc0 != 0x80 { return nil }
    return length
  }
}
