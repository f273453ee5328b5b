/// Turns a mail (`.eml`: RFC 5322 and MIME, RFC 2045 to 2047) into text: who, to whom, when and what
/// about, then the body.
///
/// Of alternatives the plain text is taken, else the HTML; attached texts and mails follow, other
/// attachments are named. Any bytes are read; what is broken is taken as it stands.
struct MailText {
  /// Parts inside parts, and parts in all; what is beyond is left out.
  private static let mostDepth = 16
  private static let mostParts = 1000

  private var parts = 0
  private var text = ""

  static func convert(_ bytes: [UInt8]) -> ExtractedText {
    var reader = MailText()
    let subject = reader.mail(bytes[...], depth: 0)
    return ExtractedText(
      utf8: Array(reader.text.utf8), kind: .text, title: String(subject.prefix(160)),
      isConverted: true, encoding: .utf8)
  }

  /// Writes a mail with its headers. Returns its subject.
  private mutating func mail(_ bytes: ArraySlice<UInt8>, depth: Int) -> String {
    let (headers, body) = MailHeaders.split(bytes)
    for name in ["From", "To", "Cc", "Date", "Subject"] {
      let value = headers.text(name)
      if !value.isEmpty { text += "\(name): \(value)\n" }
    }
    text += "\n"
    part(headers, body, depth: depth)
    return headers.text("Subject")
  }

  private mutating func part(_ headers: MailHeaders, _ body: ArraySlice<UInt8>, depth: Int) {
    parts += 1
    guard parts <= Self.mostParts, depth <= Self.mostDepth else { return }
    let type = headers.contentType
    if type.value.hasPrefix("multipart/") {
      guard let boundary = type.parameters["boundary"], !boundary.isEmpty else {
        return append(MailCoding.text(body, headers))
      }
      let inner = Self.cut(body, boundary: Array(boundary.utf8)).map { MailHeaders.split($0) }
      if type.value == "multipart/alternative" {
        if let best = Self.best(inner) { part(best.0, best.1, depth: depth + 1) }
      } else {
        for (headers, body) in inner { part(headers, body, depth: depth + 1) }
      }
    } else if type.value == "message/rfc822" {
      _ = mail(MailCoding.decoded(body, headers)[...], depth: depth + 1)
    } else if type.value == "text/html" {
      let page = HTMLText.convert(Array(MailCoding.text(body, headers).utf8))
      append(String(decoding: page.utf8, as: UTF8.self))
    } else if type.value.hasPrefix("text/") {
      append(MailCoding.text(body, headers))
    } else {
      let name = headers.attachmentName
      append("[Attachment: \(name.isEmpty ? type.value : name)]")
    }
  }

  private mutating func append(_ body: String) {
    text += body
    text += body.utf8.last == 10 ? "\n" : "\n\n"
  }

  /// The alternative to read: plain text, else one that holds parts, else HTML, else the first.
  private static func best(
    _ parts: [(MailHeaders, ArraySlice<UInt8>)]
  ) -> (MailHeaders, ArraySlice<UInt8>)? {
    let order = ["text/plain", "multipart/", "text/html", ""]
    for wanted in order {
      if let found = parts.first(where: { $0.0.contentType.value.hasPrefix(wanted) }) {
        return found
      }
    }
    return nil
  }

  /// The parts between lines "--boundary" (RFC 2046, section 5.1.1), without what is around them.
  private static func cut(_ body: ArraySlice<UInt8>, boundary: [UInt8]) -> [ArraySlice<UInt8>] {
    var found: [ArraySlice<UInt8>] = []
    var start: Int?
    var index = body.startIndex
    while index < body.endIndex, found.count <= mostParts {
      let lineEnd = body[index...].firstIndex(of: 10) ?? body.endIndex
      let line = body[index..<lineEnd]
      let next = min(lineEnd + 1, body.endIndex)
      if line.starts(with: [0x2d, 0x2d]), line.dropFirst(2).starts(with: boundary) {
        let rest = line.dropFirst(2 + boundary.count)
        let isLast = rest.starts(with: [0x2d, 0x2d])
        if isLast || rest.allSatisfy(isSpace) {
          if let start { found.append(body[start..<max(start, endBefore(body, index))]) }
          start = isLast ? nil : next
          if isLast { return found }
        }
      }
      index = next
    }
    if let start, start < body.endIndex { found.append(body[start...]) }
    return found
  }

  /// The line end before a boundary belongs to the boundary.
  private static func endBefore(_ body: ArraySlice<UInt8>, _ boundary: Int) -> Int {
    var end = boundary
    if end > body.startIndex, body[end - 1] == 10 { end -= 1 }
    if end > body.startIndex, body[end - 1] == 13 { end -= 1 }
    return end
  }
}
