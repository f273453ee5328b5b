// What each answer of a server means for a download: the part of the state machine that knows HTTP.

/// Where a file comes from, fixed for a whole download.
package struct DownloadSource: Sendable {
  /// `{endpoint}/{repository}/resolve/{commit}/{path}`.
  package let url: HubURL
  package let endpoint: HubURL
  package let repository: String
  package let commit: String
  package let hasToken: Bool

  package init(settings: HubSettings, repository: String, commit: String, path: String)
    throws(HubError)
  {
    let text =
      "\(settings.endpoint.text)/\(repository)/resolve/\(HubURL.quoted(commit))/"
      + HubURL.quoted(path, keepingSlashes: true)
    guard let url = HubURL(text) else {
      throw HubError(.invalidReference, "makes no address: \(text)", subject: path)
    }
    self.url = url
    self.repository = repository
    self.commit = commit
    endpoint = settings.endpoint
    hasToken = settings.token != nil
  }

  /// The token is for the Hub's origin only: a signed address on another host must not see it.
  package func isAuthorized(_ url: HubURL) -> Bool {
    hasToken && url.hasSameOrigin(as: endpoint)
  }

  func allows(_ url: HubURL) -> Bool { url.scheme == "https" || endpoint.scheme == "http" }
}

extension DownloadState {
  /// More redirects in a row than any Hub uses.
  private static let mostHops = 8

  mutating func answered(_ id: Int, _ head: HTTPHead, now: Double) -> [Action] {
    guard var flight = flights[id] else { return [.abort(id: id)] }
    if flight.url.hasSameOrigin(as: source.endpoint), let error = changedRemote(head) {
      return fail(error)
    }
    switch head.status {
    case 301, 302, 303, 307, 308:
      return redirected(id, flight, head, now: now)
    case 206:
      if let error = rangeProblem(head, flight) { return refuse(id, error, now: now) }
      if let bytes = head.contentRange?.bytes, bytes.upperBound < flight.range.upperBound {
        flight.range = flight.range.lowerBound..<bytes.upperBound
      }
      flight.accepted = true
      flights[id] = flight
      return remember(flight.url)
    case 200:
      if let error = wholeProblem(head) { return refuse(id, error, now: now) }
      flight.accepted = true
      flights[id] = flight
      let actions = remember(flight.url)
      let startsOver = flight.sentRange || !have.isEmpty
      return startsOver ? actions + startOver(with: id) : actions
    default:
      // Told apart when the body, which may hold the Hub's words, is here.
      flight.refusal = head
      flights[id] = flight
      return []
    }
  }

  mutating func ended(_ id: Int, failure: HubError?, body: String, now: Double) -> [Action] {
    guard let flight = flights.removeValue(forKey: id) else { return [] }
    if let head = flight.refusal {
      return refused(id, flight, head, body: body, now: now)
    }
    if let next = flight.next {
      // The same piece goes on where the redirect led, under the same id.
      var onward = flight
      onward.url = next
      onward.hops += 1
      onward.next = nil
      (onward.windowStart, onward.windowBytes, onward.discarded) = (now, 0, 0)
      flights[id] = onward
      return [
        .request(
          id: id, url: next, range: flight.sentRange ? flight.range : nil,
          authorized: source.isAuthorized(next))
      ]
    }
    if flight.accepted, flight.cursor == flight.range.upperBound { return [] }
    let missing = flight.range.upperBound - flight.cursor
    return retry(
      id,
      failure
        ?? HubError(
          .network, "the connection ended \(missing) bytes early", subject: file.path),
      now: now)
  }

  // MARK: redirects

  private mutating func redirected(
    _ id: Int, _ flight: Flight, _ head: HTTPHead, now: Double
  ) -> [Action] {
    var flight = flight
    guard let location = head["location"], let next = flight.url.following(location) else {
      return refuse(
        id,
        HubError(
          .badAnswer, "redirected (\(head.status)) to no usable address", subject: file.path),
        now: now)
    }
    guard source.allows(next) else {
      return fail(
        HubError(
          .badAnswer, "redirected from https to \(next.withoutQuery), which is not encrypted",
          subject: file.path))
    }
    guard flight.hops < Self.mostHops else {
      return refuse(
        id, HubError(.badAnswer, "redirected \(flight.hops) times in a row", subject: file.path),
        now: now)
    }
    flight.next = next
    flights[id] = flight
    return []
  }

  /// Later pieces go straight to where this one was served from.
  private mutating func remember(_ url: HubURL) -> [Action] {
    signed = url == source.url ? nil : url
    return []
  }

  // MARK: successes that are none

  /// The Hub names another content than the plan did: somebody rewrote history.
  private func changedRemote(_ head: HTTPHead) -> HubError? {
    guard (200..<400).contains(head.status) else { return nil }
    if case .sha256(let expected) = file.hash, let found = head.linkedHash,
      HubReference.isHex(found, digits: 64), found != expected
    {
      return changed("SHA-256 \(expected)", "\(found)")
    }
    if let text = head["x-linked-size"], let found = Int(text), found != file.size {
      return changed("\(file.size) bytes", "\(found)")
    }
    if let commit = head["x-repo-commit"]?.lowercased(),
      HubReference.isHex(commit, digits: 40), commit != source.commit
    {
      return changed("commit \(source.commit)", commit)
    }
    return nil
  }

  private func changed(_ expected: String, _ found: String) -> HubError {
    HubError(
      .changedRemote, "the server offers another file: expected \(expected), found \(found)",
      subject: file.path)
  }

  private func rangeProblem(_ head: HTTPHead, _ flight: Flight) -> HubError? {
    if head.isEncoded { return encoded(head) }
    guard flight.sentRange, let found = head.contentRange else {
      return HubError(
        .badAnswer, "expected a Content-Range for what was asked, found none", subject: file.path)
    }
    if let total = found.total, total != file.size {
      return changed("\(file.size) bytes", "\(total)")
    }
    guard found.bytes.lowerBound == flight.range.lowerBound else {
      return HubError(
        .badAnswer,
        "asked for bytes from \(flight.range.lowerBound), got them from \(found.bytes.lowerBound)",
        subject: file.path)
    }
    if let length = head.contentLength, length != found.bytes.count {
      return HubError(
        .badAnswer, "the answer has \(length) bytes, its Content-Range \(found.bytes.count)",
        subject: file.path)
    }
    return nil
  }

  private func wholeProblem(_ head: HTTPHead) -> HubError? {
    if head.isEncoded { return encoded(head) }
    // A sign-in page of the network in between must not cost what is already here.
    if head.isHTML, !file.path.hasSuffix(".html"), !file.path.hasSuffix(".htm") {
      return HubError(.badAnswer, "expected the file, found a web page", subject: file.path)
    }
    if let length = head.contentLength, length != file.size {
      return changed("\(file.size) bytes", "\(length)")
    }
    return nil
  }

  private func encoded(_ head: HTTPHead) -> HubError {
    HubError(
      .badAnswer, "asked for plain bytes, got them as \(head["content-encoding"] ?? "?")",
      subject: file.path)
  }

  // MARK: refusals

  /// Gives up this answer at once and tries again later; the signed address is suspect too.
  private mutating func refuse(_ id: Int, _ error: HubError, now: Double) -> [Action] {
    flights[id] = nil
    signed = nil
    return [.abort(id: id)] + retry(id, error, now: now)
  }

  private mutating func refused(
    _ id: Int, _ flight: Flight, _ head: HTTPHead, body: String, now: Double
  ) -> [Action] {
    // Only the Hub's word is final. A delivery server that refuses (401, 403, 404, 410) most often
    // means that the signed address ran out: the Hub is asked for a new one.
    let isFinal =
      flight.url.hasSameOrigin(as: source.endpoint)
      && (flight.url == source.url || head["x-error-code"] != nil)
    signed = nil
    if head.status == 416 {
      return rangeRefused(
        id,
        HubError(
          .changedRemote,
          "the server has no bytes \(flight.range.lowerBound)–\(flight.range.upperBound - 1) (416)",
          subject: file.path),
        now: now)
    }
    let error = HubError(
      answer: head, body: body, subject: file.path, repository: source.repository,
      endpoint: source.endpoint.text, hasToken: source.hasToken)
    switch error.code {
    case .server, .rateLimited: return retry(id, error, now: now)
    case _ where !isFinal:
      return retry(
        id,
        HubError(
          .gone, "the signed address was refused (\(head.status)); asking the Hub for a new one",
          subject: file.path),
        now: now)
    default: return fail(error)
    }
  }
}
