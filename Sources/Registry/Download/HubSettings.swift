// Where the Hub is, who asks, and where the cache lies: from the environment, by the same variables
// as Hugging Face's own client, so that one set-up serves both.

import Storage

package struct HubSettings: Sendable {
  /// Without a trailing slash.
  package var endpoint: HubURL
  /// Trimmed; sent to the endpoint's origin and nowhere else.
  package var token: String?
  /// The folder that holds `models--…`.
  package var cache: String
  /// The variable that forbids the network, as `NAME=value`; nil when it is allowed.
  package var offline: String?
  /// Seconds to connect and to get an answer to a small question.
  package var answerTimeout: Double = 10
  package var limits = DownloadLimits()
  /// Left free on the disk beyond what is fetched, in bytes.
  package var diskMargin = 512 << 20

  /// - Parameter environment: `ProcessInfo.processInfo.environment`, or a test's.
  package init(environment: [String: String]) throws(HubError) {
    func value(_ names: String...) -> String? {
      for name in names {
        if let text = environment[name], !HTTPHead.trimmed(text).isEmpty {
          return HTTPHead.trimmed(text)
        }
      }
      return nil
    }
    func flag(_ name: String) -> Bool {
      ["1", "on", "yes", "true"].contains((value(name) ?? "").lowercased())
    }
    let address = value("HF_ENDPOINT") ?? "https://huggingface.co"
    if let missing = HubURL.missingLibrary {
      throw HubError(.network, missing, subject: "downloading")
    }
    guard let endpoint = HubURL.base(address) else {
      throw HubError(
        .invalidReference, "expected an address such as https://huggingface.co, found \(address)",
        subject: "HF_ENDPOINT")
    }
    self.endpoint = endpoint

    let home = value("HOME") ?? "/"
    func expanded(_ path: String) -> String {
      path == "~" || path.hasPrefix("~/") ? home + path.dropFirst() : path
    }
    let hub =
      value("HF_HOME").map(expanded)
      ?? value("XDG_CACHE_HOME").map { expanded($0) + "/huggingface" }
      ?? "\(home)/.cache/huggingface"
    // Where discovery looks, so that what is fetched is found.
    cache = HubCache.standard { environment[$0] }?.path ?? "\(hub)/hub"

    if !flag("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
      token = value("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
      let stored = value("HF_TOKEN_PATH").map(expanded) ?? "\(hub)/token"
      if token == nil, let bytes = try? SmallFile.read(stored, limit: 1 << 16) {
        let text = HTTPHead.trimmed(String(decoding: bytes, as: UTF8.self))
        token = text.isEmpty ? nil : text
      }
    }
    if let token, token.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7f }) {
      throw HubError(
        .badToken, "the token holds a space, a line break or another character no token has",
        subject: "HF_TOKEN")
    }

    offline = ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].first(where: flag)
      .map { "\($0)=\(environment[$0] ?? "")" }
    func seconds(_ name: String) -> Double? {
      value(name).flatMap(Double.init).flatMap { $0 > 0 ? min($0, HTTPHead.longestDelay) : nil }
    }
    if let timeout = seconds("HF_HUB_ETAG_TIMEOUT") { answerTimeout = timeout }
    if let timeout = seconds("HF_HUB_DOWNLOAD_TIMEOUT") { limits.stallSeconds = timeout }
  }

  /// Whether the rules allow a connection to `url`: https always; http when the endpoint was itself
  /// given as http, or on this machine. A redirect can thus not take https down to http.
  package func allows(_ url: HubURL) -> Bool {
    url.scheme == "https" || (endpoint.scheme == "http")
  }

  package func isAuthorized(_ url: HubURL) -> Bool {
    token != nil && url.hasSameOrigin(as: endpoint)
  }
}

/// How a download behaves; all of it can be set by a test.
package struct DownloadLimits: Sendable {
  /// Connections at a time, over all files.
  package var connections = 4
  /// Files at a time.
  package var files = 4
  /// A file of at least this many bytes is fetched in pieces by several connections.
  package var splitBytes = 32 << 20
  package var smallestPiece = 8 << 20
  package var largestPiece = 128 << 20
  /// Failures in a row, without a new byte between them, before giving up.
  package var retries = 5
  /// Seconds before the second attempt; doubled each time, at most eightfold.
  package var retryPause: Double = 1
  /// The longest wait a server may ask for, in seconds; the Hub's window is 5 minutes.
  package var longestWait: Double = 310
  /// A connection that brings less than `slowestRate` for so many seconds has stalled.
  package var stallSeconds: Double = 10
  /// Bytes per second.
  package var slowestRate: Double = 256

  package init() {}

  /// Bytes of one request for a file of `size` bytes.
  package func pieceBytes(for size: Int) -> Int {
    guard size >= splitBytes else { return max(size, 1) }
    return max(smallestPiece, min(largestPiece, (size + 15) / 16))
  }
}
