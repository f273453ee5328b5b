// Addresses, parsed by libcurl itself, so that what is checked here is what is connected to.

import CCurl

/// An absolute `http` or `https` address.
package struct HubURL: Sendable, Hashable, CustomStringConvertible {
  package let text: String
  package let scheme: String
  /// Lower case, without the brackets' zone; never empty.
  package let host: String
  package let port: Int

  package init?(_ text: String) {
    self.init(text, base: nil)
  }

  /// An address that paths are put after: without slashes at its end, and without a query.
  package static func base(_ text: String) -> HubURL? {
    var text = text[...]
    while text.hasSuffix("/") { text = text.dropLast() }
    return text.contains("?") || text.contains("#") ? nil : HubURL(String(text))
  }

  /// What `location` (absolute or relative) means when this address answered with it.
  package func following(_ location: String) -> HubURL? {
    HubURL(location, base: self)
  }

  /// Why nothing is an address here: libcurl is only loaded when it is needed. Nil where it is there.
  package static let missingLibrary: String? =
    carrel_curl_is_there() != 0
    ? nil : "needs \(CARREL_CURL_LIBRARY), 7.68 or later; install it (Debian: libcurl4)"

  private init?(_ text: String, base: HubURL?) {
    guard Self.missingLibrary == nil, !text.isEmpty, text.utf8.count <= 16_384,
      !text.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }),
      let handle = carrel_curl_url()
    else { return nil }
    defer { carrel_curl_url_cleanup(handle) }
    if let base {
      guard carrel_curl_url_set(handle, CURLUPART_URL, base.text, 0) == CURLUE_OK else {
        return nil
      }
    }
    guard carrel_curl_url_set(handle, CURLUPART_URL, text, 0) == CURLUE_OK else { return nil }
    func part(_ which: CURLUPart, _ flags: UInt32 = 0) -> String? {
      var value: UnsafeMutablePointer<CChar>?
      guard carrel_curl_url_get(handle, which, &value, flags) == CURLUE_OK, let value else {
        return nil
      }
      defer { carrel_curl_free(value) }
      return String(validatingCString: value)
    }
    // A name and password inside an address would be sent as a header of our making.
    guard let scheme = part(CURLUPART_SCHEME)?.lowercased(), scheme == "http" || scheme == "https",
      let host = part(CURLUPART_HOST)?.lowercased(), !host.isEmpty,
      part(CURLUPART_USER) == nil, part(CURLUPART_PASSWORD) == nil,
      let port = part(CURLUPART_PORT, 1 /* CURLU_DEFAULT_PORT */).flatMap(Int.init),
      let whole = part(CURLUPART_URL)
    else { return nil }
    self.scheme = scheme
    self.host = host
    self.port = port
    var address = whole.split(separator: "#", omittingEmptySubsequences: false).first ?? whole[...]
    // libcurl writes a slash where an address has no path; paths are put after this one.
    if base == nil, address.hasSuffix("/"), !text.hasSuffix("/") { address = address.dropLast() }
    self.text = String(address)
  }

  /// Whether a token meant for `other` may be sent here.
  package func hasSameOrigin(as other: HubURL) -> Bool {
    scheme == other.scheme && host == other.host && port == other.port
  }

  /// Whether it is this machine's own: `localhost`, `[::1]` or 127.0.0.0/8. A name that only begins with
  /// such a number may be anybody's.
  package var isLoopback: Bool {
    if host == "localhost" || host == "[::1]" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }

  package var description: String { text }

  /// Without the query, where signed addresses carry their secrets; for messages.
  package var withoutQuery: String {
    text.split(separator: "?", omittingEmptySubsequences: false).first.map(String.init) ?? text
  }

  /// Percent-encodes everything but letters, digits and `-._~`, and `/` where `keepingSlashes`.
  package static func quoted(_ text: String, keepingSlashes: Bool = false) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var result: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: result.append(byte)
      case 0x2f where keepingSlashes: result.append(byte)
      default: result += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
