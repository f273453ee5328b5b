import Glibc

/// Text in a character set that mail or a page names, as the C library's iconv(3) reads it.
enum NamedCharset {
  /// The text as UTF-8, with "?" for bytes that are none of the set; nil for a set that is not known
  /// here, and for those whose names say less than the bytes do (ASCII).
  static func decode(_ bytes: UnsafeRawBufferPointer, name: String) -> [UInt8]? {
    guard let set = canonical(name) else { return nil }
    let converter = iconv_open("UTF-8", set)
    guard converter != iconv_t(bitPattern: -1) else { return nil }
    defer { iconv_close(converter) }
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count * 2)
    var source = UnsafeMutablePointer(
      mutating: bytes.bindMemory(to: CChar.self).baseAddress)
    var left = bytes.count
    var isDone = false
    while !isDone {
      // The last call has no source: some sets hold back a letter till they know of no accent on it.
      isDone = left == 0
      var status: Int32 = 0
      result += [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
        buffer.withMemoryRebound(to: CChar.self) { buffer in
          var target = buffer.baseAddress
          var room = buffer.count
          let made =
            isDone
            ? iconv(converter, nil, nil, &target, &room)
            : iconv(converter, &source, &left, &target, &room)
          if made == -1 { status = errno }
          count = buffer.count - room
        }
      }
      if status == EILSEQ || status == EINVAL {
        result.append(UInt8(ascii: "?"))
        source = source.map { $0 + 1 }
        left -= 1
      } else if status != 0, status != E2BIG {
        return nil
      }
    }
    return result
  }

  /// The set to read a name as: the web's larger ones for those that writers mean by the smaller
  /// (encoding.spec.whatwg.org). Only families that mail and pages are written in.
  private static func canonical(_ name: String) -> String? {
    let name = name.lowercased()
    guard name.utf8.allSatisfy({ $0 > 44 && $0 < 123 && $0 != 47 }) else { return nil }
    switch name {
    case "gb2312", "gbk", "gb_2312-80", "x-gbk": return "GB18030"
    case "shift_jis", "shift-jis", "sjis", "x-sjis", "windows-31j", "ms932": return "CP932"
    case "euc-kr", "ks_c_5601-1987", "ks_c_5601-1989", "korean", "windows-949": return "CP949"
    case "big5", "x-x-big5", "big5-hkscs": return "BIG5-HKSCS"
    case "iso-8859-9": return "CP1254"
    case "iso-8859-11", "tis-620", "windows-874": return "CP874"
    case "iso-8859-8-i", "iso-8859-8-e": return "ISO-8859-8"
    default:
      if name.hasPrefix("windows-125") { return "CP" + name.dropFirst("windows-".utf8.count) }
      let families = ["iso-8859-", "cp125", "koi8-", "euc-", "gb18030", "iso-2022-jp", "macintosh"]
      return families.contains { name.hasPrefix($0) } ? name : nil
    }
  }
}
