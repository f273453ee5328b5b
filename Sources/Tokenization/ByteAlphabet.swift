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

  /// Appends the bytes a spelling stands for. Scalars outside the alphabet stand for themselves.
  @inline(__always)
  static func decode(
    _ spelling: UnsafeBufferPointer<UInt8>, with table: UnsafeBufferPointer<Int16>,
    into output: inout [UInt8]
  ) {
    var index = 0
    let count = spelling.count
    while index < count {
      let first = spelling[index]
      if first < 0x80 {
        let byte = table[Int(first)]
        output.append(byte < 0 ? first : UInt8(byte))
        index += 1
        continue
      }
      if first < 0xC6, first >= 0xC2, index + 1 < count, spelling[index + 1] & 0xC0 == 0x80 {
        let scalar = Int(first & 0x1F) << 6 | Int(spelling[index + 1] & 0x3F)
        if scalar < table.count, table[scalar] >= 0 {
          output.append(UInt8(table[scalar]))
          index += 2
          continue
        }
      }
      output.append(first)
      index += 1
    }
  }
}
