/// The alphabet in which byte-level vocabularies spell bytes: printable Latin-1 stands for itself,
/// the other bytes are U+0100 onwards in ascending order (GPT-2; a space is spelled Ġ).
enum ByteAlphabet {
  /// `bytes[scalar]` is the byte it spells, or -1.
  static let bytes: [Int16] = {
    var table = [Int16](repeating: -1, count: 0x144)
    var next = 0x100
    for byte in 0..<256 {
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: table[byte] = Int16(byte)
      default:
        table[next] = Int16(byte)
        next += 1
      }
    }
    return table
  }()

  /// Writes the bytes a spelling stands for and gives their number, at most the spelling's own.
  /// Scalars outside the alphabet stand for themselves.
  @inline(__always)
  static func decode(
    _ spelling: UnsafeBufferPointer<UInt8>, with table: UnsafeBufferPointer<Int16>,
    to output: UnsafeMutablePointer<UInt8>
  ) -> Int {
    var index = 0
    var written = 0
    let count = spelling.count
    while index < count {
      let first = spelling[index]
      var byte = Int16(first)
      index &+= 1
      if first >= 0x80 {
        if first < 0xC6, first >= 0xC2, index < count, spelling[index] & 0xC0 == 0x80 {
          let scalar = Int(first & 0x1F) << 6 | Int(spelling[index] & 0x3F)
          if scalar < table.count, table[scalar] >= 0 {
            byte = table[scalar]
            index &+= 1
          }
        }
      }
      output[written] = UInt8(truncatingIfNeeded: byte)
      written &+= 1
    }
    return written
  }

  /// Strings with their spellings replaced by the bytes they stand for, where `isSpelled`.
  static func decoded(_ strings: ByteStrings, isSpelled: (Int) -> Bool) -> ByteStrings {
    ByteStrings(count: strings.count, capacity: strings.byteCount) { index, output in
      let source = strings[index]
      if isSpelled(index) {
        return bytes.withUnsafeBufferPointer { decode(source, with: $0, to: output) }
      }
      if let base = source.baseAddress { output.update(from: base, count: source.count) }
      return source.count
    }
  }
}
