/// The header fields of a mail or of one of its parts.
struct MailHeaders {
  /// Names in lower case, values unfolded, in the order they stand.
  private(set) var fields: [(name: String, value: [UInt8])] = []

  /// Bytes of one field's value that are read.
  private static let mostBytes = 16_384

  /// Parts headers and body at the first blank line.
  static func split(_ bytes: ArraySlice<UInt8>) -> (MailHeaders, ArraySlice<UInt8>) {
    var headers = MailHeaders()
    var index = bytes.startIndex
    while index < bytes.endIndex {
      let end = bytes[index...].firstIndex(of: 10) ?? bytes.endIndex
      var line = bytes[index..<end]
      let next = min(end + 1, bytes.endIndex)
      if line.last == 13 { line.removeLast() }
      if line.isEmpty { return (headers, bytes[next...]) }
      if isSpace(line[line.startIndex]) {
        headers.unfold(line)
      } else if let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
        line[..<colon].allSatisfy({ $0 > 32 && $0 < 127 })
      {
        let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
        let value = line[(colon + 1)...].drop(while: isSpace).prefix(mostBytes)
        headers.fields.append((name, Array(value)))
      } else if headers.fields.isEmpty, line.starts(with: Array("From ".utf8)) {
        // The separator of mailbox files.
      } else {
        // No header: the body begins without a blank line.
        return (headers, bytes[index...])
      }
      index = next
    }
    return (headers, bytes[bytes.endIndex...])
  }

  private mutating func unfold(_ line: ArraySlice<UInt8>) {
    guard let last = fields.indices.last, fields[last].value.count < Self.mostBytes else { return }
    fields[last].value.append(contentsOf: line.prefix(Self.mostBytes))
  }

  private func raw(_ name: String) -> [UInt8] {
    let name = name.lowercased()
    return fields.first { $0.name == name }?.value ?? []
  }

  /// A field as people read it: encoded words decoded, on one line.
  func text(_ name: String) -> String {
    MailCoding.words(raw(name)).split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  var transferEncoding: String {
    String(decoding: raw("Content-Transfer-Encoding"), as: UTF8.self)
      .trimmingSpaces().lowercased()
  }

  /// Value in lower case and parameters; "text/plain" where there is none.
  var contentType: (value: String, parameters: [String: String]) {
    let found = Self.parameters(raw("Content-Type"))
    return found.value.contains("/") ? found : ("text/plain", found.parameters)
  }

  /// The file name of an attachment, or "".
  var attachmentName: String {
    let name =
      Self.parameters(raw("Content-Disposition")).parameters["filename"]
      ?? contentType.parameters["name"] ?? ""
    return MailCoding.words(Array(name.utf8))
  }

  /// `value; name=token; name="quoted \" text"` (RFC 2045, section 5.1), and the continued and
  /// encoded parameters of RFC 2231.
  static func parameters(_ bytes: [UInt8]) -> (value: String, parameters: [String: String]) {
    var parts: [[UInt8]] = [[]]
    var isQuoted = false
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if isQuoted, byte == UInt8(ascii: "\\"), index + 1 < bytes.count {
        index += 1
        parts[parts.count - 1].append(bytes[index])
      } else if byte == UInt8(ascii: "\"") {
        isQuoted.toggle()
      } else if byte == UInt8(ascii: ";"), !isQuoted {
        parts.append([])
      } else {
        parts[parts.count - 1].append(byte)
      }
      index += 1
    }
    var found: [String: String] = [:]
    for part in parts.dropFirst() {
      guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else { continue }
      let name = String(decoding: part[..<equals], as: UTF8.self).trimmingSpaces().lowercased()
      let value = String(decoding: part[(equals + 1)...], as: UTF8.self).trimmingSpaces()
      let pieces = name.split(separator: "*", omittingEmptySubsequences: false)
      let isEncoded = pieces.count > 1 && pieces.last == ""
      let base = String(pieces.first ?? "")
      let text = isEncoded ? MailCoding.extendedValue(value) : value
      if pieces.count > 1, let number = Int(pieces[1]), number > 0 {
        found[base, default: ""] += text
      } else if found[base] == nil || isEncoded {
        found[base] = text
      }
    }
    let value = String(decoding: parts[0], as: UTF8.self).trimmingSpaces().lowercased()
    return (value, found)
  }
}

extension String {
  /// Without white space at both ends.
  func trimmingSpaces() -> String {
    let bytes = Array(utf8)
    let range = bytes.withUnsafeBytes { trimmedRange($0, 0..<$0.count) }
    return String(decoding: bytes[range], as: UTF8.self)
  }
}
