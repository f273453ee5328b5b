// The status line and headers of an answer, and what they say about ranges, lengths and waiting.

import Glibc

/// Header names are kept in lower case; of repeated headers the last one counts.
package struct HTTPHead: Sendable, Equatable {
  package let status: Int
  package private(set) var headers: [String: String]

  package init(status: Int, headers: [String: String] = [:]) {
    self.status = status
    self.headers = [:]
    for (name, value) in headers { self.headers[name.lowercased()] = value }
  }

  /// Reads `HTTP/1.1 206 Partial Content`; nil for anything else.
  package init?(statusLine: String) {
    let parts = statusLine.split(separator: " ", maxSplits: 2)
    guard parts.count >= 2, parts[0].hasPrefix("HTTP/"), parts[1].utf8.count == 3,
      let status = Int(parts[1]), status >= 100
    else { return nil }
    self.init(status: status)
  }

  /// Adds one `Name: value` line; lines without a colon are ignored.
  package mutating func add(line: String) {
    guard let colon = line.firstIndex(of: ":") else { return }
    let value = line[line.index(after: colon)...]
    headers[line[..<colon].lowercased()] = Self.trimmed(value)
  }

  package subscript(_ name: String) -> String? { headers[name] }

  package var contentLength: Int? { self["content-length"].flatMap(Int.init).filter { $0 >= 0 } }

  /// `bytes a-b/total` as `a..<b+1` and the total, which is nil when the server wrote `*`.
  package var contentRange: (bytes: Range<Int>, total: Int?)? {
    guard let value = self["content-range"]?.lowercased(), value.hasPrefix("bytes ") else {
      return nil
    }
    let parts = value.dropFirst(6).split(separator: "/")
    guard parts.count == 2 else { return nil }
    let ends = Self.trimmed(parts[0]).split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let first = Int(ends[0]), let last = Int(ends[1]),
      first >= 0, last >= first, last < Int.max
    else { return nil }
    let total = Self.trimmed(parts[1])
    if total == "*" { return (first..<(last + 1), nil) }
    guard let total = Int(total), total > last else { return nil }
    return (first..<(last + 1), total)
  }

  /// True when the body is not the bytes themselves, although `identity` was asked for.
  package var isEncoded: Bool {
    guard let encoding = self["content-encoding"]?.lowercased() else { return false }
    return encoding != "identity" && !encoding.isEmpty
  }

  package var isHTML: Bool { self["content-type"]?.lowercased().hasPrefix("text/html") ?? false }

  /// The linked file's hash as the Hub gives it before a redirect; without `W/` and quotes.
  package var linkedHash: String? {
    guard var value = self["x-linked-etag"].map({ $0[...] }) else { return nil }
    if value.hasPrefix("W/") { value = value.dropFirst(2) }
    return String(value.filter { $0 != "\"" }).lowercased()
  }

  /// Seconds to wait before asking again: `Retry-After` in seconds or as a date, else `t=` of
  /// `RateLimit` (`"resolvers";r=0;t=55`) and one more, at most ``longestDelay``. Nil when neither says.
  ///
  /// A date is compared with the server's own clock where the answer shows it, so that a wrong clock
  /// here does not matter.
  package var retryDelay: Double? {
    if let value = self["retry-after"] {
      if let seconds = Double(value), seconds >= 0 { return min(seconds, Self.longestDelay) }
      if let date = HTTPDate.seconds(value) {
        let now = self["date"].flatMap(HTTPDate.seconds) ?? time(nil)
        return min(Double(max(0, date - now)), Self.longestDelay)
      }
    }
    for part in self["ratelimit"]?.split(separator: ";") ?? [] {
      let part = Self.trimmed(part)
      if part.hasPrefix("t="), let seconds = Double(part.dropFirst(2)), seconds >= 0 {
        return min(seconds + 1, Self.longestDelay)
      }
    }
    return nil
  }

  /// Seconds beyond which a wait, a server's or a user's, is taken for this long: a day.
  package static let longestDelay = 86_400.0

  /// The address of `Link: <…>; rel="next"`: where a list goes on.
  package var nextLink: String? {
    for link in self["link"]?.split(separator: ",") ?? [] {
      guard link.contains("rel=\"next\"") || link.contains("rel=next"),
        let open = link.firstIndex(of: "<"), let close = link.firstIndex(of: ">"), open < close
      else { continue }
      return String(link[link.index(after: open)..<close])
    }
    return nil
  }

  static func trimmed(_ text: some StringProtocol) -> String {
    var text = text[...]
    while let first = text.first, first.isWhitespace { text = text.dropFirst() }
    while let last = text.last, last.isWhitespace { text = text.dropLast() }
    return String(text)
  }
}

extension Optional {
  fileprivate func filter(_ keep: (Wrapped) -> Bool) -> Wrapped? {
    flatMap { keep($0) ? $0 : nil }
  }
}
