/// `file` URIs (RFC 8089) and the absolute paths they mean.
package enum FileURI {
  /// Bytes that stand for themselves in a path.
  private static let plain = Set(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/".utf8)
  private static let hexDigits = Array("0123456789ABCDEF".utf8)

  package static func of(_ path: String) -> String {
    var out = Array("file://".utf8)
    for byte in path.utf8 {
      if plain.contains(byte) {
        out.append(byte)
      } else {
        out += [UInt8(ascii: "%"), hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 15)]]
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// The absolute path; nil for another scheme, another host, a path that is not absolute, a broken
  /// escape, a NUL byte or bytes that are not UTF-8. Query and fragment are dropped.
  package static func path(_ uri: String) -> String? {
    guard uri.utf8.prefix(7).elementsEqual("file://".utf8) else { return nil }
    var rest = uri.utf8.dropFirst(7)
    if rest.starts(with: "localhost/".utf8) { rest = rest.dropFirst(9) }
    guard rest.first == UInt8(ascii: "/") else { return nil }
    var out: [UInt8] = []
    var bytes = rest.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
    while let byte = bytes.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        out.append(byte)
        continue
      }
      guard let high = bytes.popFirst().flatMap(digit), let low = bytes.popFirst().flatMap(digit)
      else { return nil }
      out.append(high << 4 | low)
    }
    guard !out.contains(0) else { return nil }
    return String(validating: out, as: UTF8.self)
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }
}
