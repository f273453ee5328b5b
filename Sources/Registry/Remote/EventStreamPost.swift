// One question to a server that answers with a stream of events.

import FoundationEssentials
import Glibc

/// A POST of JSON whose answer comes as server-sent events. Blocks the calling thread.
package struct EventStreamPost: Sendable {
  package let url: HubURL
  package let body: [UInt8]
  /// Sent as a bearer token; never part of a message.
  package let key: String?
  /// Seconds to connect.
  package var connectTimeout = 10.0
  /// Seconds the server may stay silent, before its first word (it reads the prompt) and between words.
  package var silence = 300.0
  /// Connections are tried this often; once a request may have arrived it is never sent again.
  package var attempts = 3

  package init(url: HubURL, body: [UInt8], key: String?) {
    self.url = url
    self.body = body
    self.key = key
  }

  /// What the caller wants after an event.
  package enum Next: Sendable { case goOn, stop }

  private static let largestRefusal = 64 << 10

  /// - Parameters:
  ///   - isCancelled: asked at least ten times a second.
  ///   - onEvent: the data of each event, in order.
  package func run(
    isCancelled: () -> Bool, onEvent: (String) -> Next
  ) throws(HubError) {
    var attempt = 1
    while true {
      do throws(HubError) {
        try once(isCancelled: isCancelled, onEvent: onEvent)
        return
      } catch {
        guard error.code == .network, error.message.hasPrefix("no connection"), attempt < attempts
        else { throw error }
        for _ in 0..<attempt * 5 where !isCancelled() { usleep(50_000) }
        if isCancelled() { return }
        attempt += 1
      }
    }
  }

  private func once(isCancelled: () -> Bool, onEvent: (String) -> Next) throws(HubError) {
    let loop = try TransferLoop()
    var parser = EventStreamParser()
    var head: HTTPHead?
    var refusal: [UInt8] = []
    var pending: [String] = []
    var isTooLarge = false
    loop.onHead = { head = $1 }
    loop.onBody = { _, bytes in
      guard head?.status == 200 else {
        refusal.append(contentsOf: bytes.prefix(Self.largestRefusal - refusal.count))
        return true
      }
      guard let events = parser.feed(bytes) else {
        isTooLarge = true
        return false
      }
      pending += events
      return true
    }
    var request = TransferRequest(url: url, token: key, connectTimeout: connectTimeout)
    request.post = body
    try loop.start(0, request)
    var heard = ContinuousClock.now
    while true {
      if isCancelled() { return }
      let ends = loop.step(wait: 0.1)
      if !pending.isEmpty { heard = .now }
      for event in pending where onEvent(event) == .stop { return }
      pending.removeAll(keepingCapacity: true)
      if let end = ends.first {
        if isTooLarge {
          throw HubError(.badAnswer, "sent an event without end", subject: url.withoutQuery)
        }
        if let failure = end.failure { throw failure }
        guard let head, head.status != 200 else { return }
        throw refused(head, refusal)
      }
      if heard.duration(to: .now) > .seconds(silence) {
        throw HubError(
          .stalled, "was silent for \(Int(silence)) seconds", subject: url.withoutQuery)
      }
    }
  }

  private func refused(_ head: HTTPHead, _ body: [UInt8]) -> HubError {
    let words = String(decoding: body.prefix(300), as: UTF8.self)
      .map { $0.isNewline || $0.isWhitespace ? " " : $0 }
    let said = words.isEmpty ? "" : ": " + String(words)
    let subject = url.withoutQuery
    switch head.status {
    case 401, 403:
      return HubError(.badToken, "refused the key (\(head.status))\(said)", subject: subject)
    case 404:
      return HubError(
        .fileNotFound, "knows no such model or address (404)\(said)", subject: subject)
    case 429:
      return HubError(
        .rateLimited(seconds: 0), "answers too many questions already (429)\(said)",
        subject: subject)
    default:
      return HubError(
        .server(status: head.status), "answered \(head.status)\(said)", subject: subject)
    }
  }
}
