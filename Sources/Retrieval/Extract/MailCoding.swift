/// How mail spells text in ASCII: quoted-printable, base64, encoded words, character sets.
enum MailCoding {
  /// A part's body, decoded and as UTF-8.
  static func text(_ body: ArraySlice<UInt8>, _ headers: MailHeaders) -> String {
    string(decoded(body, headers), charset: headers.contentType.parameters["charset"] ?? "")
  }

  /// A part's bytes (RFC 2045, section 6).
  static func decoded(_ body: ArraySlice<UInt8>, _ headers: MailHeaders) -> [UInt8] {
    switch headers.transferEncoding {
    case "quoted-printable": quotedPrintable(body, inWord: false)
    case "base64": base64(body)
    default: Array(body)
    }
  }

  /// Bytes of a named character set. Unknown sets are detected, and mended where they are broken.
  static func string(_ bytes: [UInt8], charset: String) -> String {
    bytes.withUnsafeBytes { bytes in
      func decode(_ encoding: TextEncoding) -> String {
        String(decoding: encoding.decode(bytes), as: UTF8.self)
      }
      switch charset.lowercased() {
      case "iso-8859-1", "latin1", "windows-1252", "cp1252", "iso8859-1":
        return decode(.windows1252)
      case "iso-8859-15":
        // Latin-9 differs from Latin-1 in eight places, of which the euro sign matters.
        return decode(.windows1252).replacing("\u{a4}", with: "€")
      case "utf-16", "utf-16le", "utf-16be":
        if let found = TextEncoding.detect(bytes), found.isWide { return decode(found) }
        return decode(
          charset.lowercased() == "utf-16le" ? .utf16LittleEndianBare : .utf16BigEndianBare)
      case "utf-8", "utf8": return String(decoding: bytes, as: UTF8.self)
      default:
        if let text = NamedCharset.decode(bytes, name: charset) {
          return String(decoding: text, as: UTF8.self)
        }
        return UTF8Check.isMostlyValid(bytes)
          ? String(decoding: bytes, as: UTF8.self) : decode(.windows1252)
      }
    }
  }

  /// - Parameter inWord: in an encoded word "_" is a space (RFC 2047, section 4.2).
  static func quotedPrintable(_ bytes: ArraySlice<UInt8>, inWord: Bool) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var index = bytes.startIndex
    while index < bytes.endIndex {
      let byte = bytes[index]
      index += 1
      if byte == UInt8(ascii: "_"), inWord {
        result.append(32)
      } else if byte != UInt8(ascii: "=") {
        result.append(byte)
      } else if index + 1 < bytes.endIndex, let high = hex(bytes[index]),
        let low = hex(bytes[index + 1])
      {
        result.append(high << 4 | low)
        index += 2
      } else {
        // A soft line break: white space may stand before the end of the line.
        var end = index
        while end < bytes.endIndex, bytes[end] == 32 || bytes[end] == 9 || bytes[end] == 13 {
          end += 1
        }
        if end < bytes.endIndex, bytes[end] == 10 {
          index = end + 1
        } else if end == bytes.endIndex {
          index = end
        } else {
          result.append(byte)
        }
      }
    }
    return result
  }

  /// Reads over everything that is no base64 digit, as RFC 2045 asks.
  static func base64(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count / 4 * 3)
    var hold: UInt32 = 0
    var count = 0
    for byte in bytes {
      let digit: UInt8
      switch byte {
      case 65...90: digit = byte - 65
      case 97...122: digit = byte - 71
      case 48...57: digit = byte + 4
      case UInt8(ascii: "+"): digit = 62
      case UInt8(ascii: "/"): digit = 63
      default: continue
      }
      hold = hold << 6 | UInt32(digit)
      count += 1
      if count % 4 == 0 {
        result.append(UInt8(truncatingIfNeeded: hold >> 16))
        result.append(UInt8(truncatingIfNeeded: hold >> 8))
        result.append(UInt8(truncatingIfNeeded: hold))
      }
    }
    if count % 4 == 2 { result.append(UInt8(truncatingIfNeeded: hold >> 4)) }
    if count % 4 == 3 {
      result.append(UInt8(truncatingIfNeeded: hold >> 10))
      result.append(UInt8(truncatingIfNeeded: hold >> 2))
    }
    return result
  }

  /// A header's value with its encoded words `=?charset?Q?text?=` decoded (RFC 2047); white space
  /// between two of them falls away, and neighbours of one set are decoded together, because some
  /// writers cut characters in two.
  static func words(_ bytes: [UInt8]) -> String {
    var result = ""
    var pending: (charset: String, bytes: [UInt8])?
    var plain = bytes[...].prefix(0)
    var index = 0
    func settle() {
      if let word = pending { result += string(word.bytes, charset: word.charset) }
      pending = nil
    }
    while index < bytes.count {
      guard bytes[index] == UInt8(ascii: "="), let word = encodedWord(bytes, at: index) else {
        index += 1
        plain = bytes[plain.startIndex..<index]
        continue
      }
      if !(pending != nil && plain.allSatisfy(isSpace)) {
        settle()
        result += string(Array(plain), charset: "")
      }
      if let open = pending, open.charset == word.charset {
        pending?.bytes += word.bytes
      } else {
        settle()
        pending = (word.charset, word.bytes)
      }
      index = word.end
      plain = bytes[index..<index]
    }
    settle()
    return result + string(Array(plain), charset: "")
  }

  private static func encodedWord(_ bytes: [UInt8], at start: Int) -> (
    charset: String, bytes: [UInt8], end: Int
  )? {
    let question = UInt8(ascii: "?")
    let limit = min(bytes.count, start + 1024)
    guard start + 1 < limit, bytes[start + 1] == question,
      let first = bytes[(start + 2)..<limit].firstIndex(of: question), first + 2 < limit,
      bytes[first + 2] == question,
      let end = bytes[(first + 3)..<limit].firstIndex(of: question), end + 1 < limit,
      bytes[end + 1] == UInt8(ascii: "=")
    else { return nil }
    // A language may follow the set, after a star (RFC 2231).
    let charset = bytes[(start + 2)..<first].prefix { $0 != UInt8(ascii: "*") }
    let text = bytes[(first + 3)..<end]
    let decoded: [UInt8]
    switch bytes[first + 1] | 0x20 {
    case UInt8(ascii: "q"): decoded = quotedPrintable(text, inWord: true)
    case UInt8(ascii: "b"): decoded = base64(text)
    default: return nil
    }
    return (String(decoding: charset, as: UTF8.self).lowercased(), decoded, end + 2)
  }

  /// `charset'language'%41bc` (RFC 2231, section 4), or only percent-encoded bytes.
  static func extendedValue(_ value: String) -> String {
    let parts = value.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
    let text = Array((parts.count == 3 ? parts[2] : value[...]).utf8)
    var bytes: [UInt8] = []
    var index = 0
    while index < text.count {
      if text[index] == UInt8(ascii: "%"), index + 2 < text.count, let high = hex(text[index + 1]),
        let low = hex(text[index + 2])
      {
        bytes.append(high << 4 | low)
        index += 3
      } else {
        bytes.append(text[index])
        index += 1
      }
    }
    return string(bytes, charset: parts.count == 3 ? String(parts[0]) : "utf-8")
  }

  private static func hex(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 48...57: byte - 48
    case 65...70: byte - 55
    case 97...102: byte - 87
    default: nil
    }
  }
}
