import Registry
import Testing

/// The state machine alone: no network, no disk, no clock.
@Suite struct DownloadStateTests {
  static let hash = String(repeating: "a", count: 64)

  static func state(
    size: Int, have: [Range<Int>] = [], endpoint: String = "https://hub.example",
    adjust: (inout DownloadLimits) -> Void = { _ in }
  ) throws -> DownloadState {
    let settings = try HubSettings(
      environment: ["HF_ENDPOINT": endpoint, "HF_TOKEN": "secret", "HOME": "/nonexistent"])
    let file = try #require(HubFile(path: "w.gguf", size: size, hash: .sha256(hash)))
    let source = try DownloadSource(
      settings: settings, repository: "o/n", commit: String(repeating: "c", count: 40),
      path: file.path)
    var limits = DownloadLimits()
    limits.splitBytes = 1000
    limits.smallestPiece = 400
    adjust(&limits)
    return DownloadState(file: file, source: source, limits: limits, have: RangeSet(have))
  }

  static let whole = HTTPHead(status: 200, headers: ["Content-Length": "100"])

  static func part(_ range: Range<Int>, of total: Int) -> HTTPHead {
    HTTPHead(
      status: 206,
      headers: ["Content-Range": "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(total)"])
  }

  private func url(_ text: String) throws -> HubURL { try #require(HubURL(text)) }

  @Test("Asks the Hub for a small file without a range, verifies and commits it")
  func smallFile() throws {
    var state = try Self.state(size: 100)
    let hub = try url("https://hub.example/o/n/resolve/\(String(repeating: "c", count: 40))/w.gguf")
    #expect(
      state.begin(slots: 4, now: 0) == [.request(id: 0, url: hub, range: nil, authorized: true)])
    #expect(state.handle(.answered(id: 0, Self.whole), now: 0) == [])
    #expect(
      state.handle(.received(id: 0, count: 60), now: 0) == [.write(id: 0, offset: 0, count: 60)])
    #expect(
      state.handle(.received(id: 0, count: 40), now: 0)
        == [.write(id: 0, offset: 60, count: 40), .abort(id: 0), .verify])
    #expect(state.phase == .verifying)
    #expect(state.handle(.verified(found: nil), now: 0) == [.commit])
    #expect(state.phase == .done)
  }

  @Test("An empty file and one that is all on disk need no request", arguments: [0, 77])
  func nothingToAsk(size: Int) throws {
    var state = try Self.state(size: size, have: size > 0 ? [0..<size] : [])
    #expect(state.begin(slots: 4, now: 0) == [.verify])
  }

  @Test("Keeps the token from the host a redirect leads to, and goes there directly afterwards")
  func redirect() throws {
    var state = try Self.state(size: 2000)
    let cdn = try url("https://cdn.example/x?sig=1")
    guard case .request(0, _, let range, true) = state.begin(slots: 1, now: 0).first else {
      Issue.record("expected an authorized request")
      return
    }
    let found = HTTPHead(status: 302, headers: ["Location": cdn.text])
    #expect(state.handle(.answered(id: 0, found), now: 0) == [])
    #expect(
      state.handle(.ended(id: 0, failure: nil, body: ""), now: 0)
        == [.request(id: 0, url: cdn, range: range, authorized: false)])
    _ = state.handle(.answered(id: 0, Self.part(0..<400, of: 2000)), now: 0)
    #expect(
      state.begin(slots: 1, now: 0)
        == [.request(id: 1, url: cdn, range: 400..<800, authorized: false)])
  }

  @Test("Follows a relative redirect on the Hub with the token")
  func relativeRedirect() throws {
    var state = try Self.state(size: 100)
    _ = state.begin(slots: 1, now: 0)
    let moved = HTTPHead(status: 307, headers: ["location": "/new/n/resolve/w.gguf"])
    _ = state.handle(.answered(id: 0, moved), now: 0)
    #expect(
      state.handle(.ended(id: 0, failure: nil, body: ""), now: 0)
        == [
          .request(
            id: 0, url: try url("https://hub.example/new/n/resolve/w.gguf"), range: nil,
            authorized: true)
        ])
  }

  @Test("Refuses a redirect that gives encryption up")
  func downgrade() throws {
    var state = try Self.state(size: 100)
    _ = state.begin(slots: 1, now: 0)
    _ = state.handle(
      .answered(id: 0, HTTPHead(status: 302, headers: ["Location": "http://cdn.example/x"])), now: 0
    )
    guard case .failed(let error) = state.phase else {
      Issue.record("expected a failure, found \(state.phase)")
      return
    }
    #expect(error.code == .badAnswer)
    #expect(error.description.contains("http://cdn.example/x"))
  }

  @Test(
    "Never follows a redirect out of http and https",
    arguments: ["file:///etc/passwd", "ftp://x/y", "gopher://x", "", "http://", "https://u:p@x/"])
  func badLocations(location: String) throws {
    var state = try Self.state(size: 100, endpoint: "http://hub.example")
    _ = state.begin(slots: 1, now: 0)
    let actions = state.handle(
      .answered(id: 0, HTTPHead(status: 302, headers: ["Location": location])), now: 0)
    #expect(actions.first == .abort(id: 0))
    #expect(state.handle(.ended(id: 0, failure: nil, body: ""), now: 0) == [])
  }

  @Test("Splits a large file into pieces and gives each free connection one")
  func pieces() throws {
    var state = try Self.state(size: 1500, have: [100..<300])
    let ranges = state.begin(slots: 9, now: 0).compactMap { action -> Range<Int>? in
      if case .request(_, _, let range, _) = action { range } else { nil }
    }
    #expect(ranges == [0..<100, 300..<700, 700..<1100, 1100..<1500])
  }

  @Test("Starts over with the answer when a server ignores the range")
  func wholeForRange() throws {
    var state = try Self.state(size: 100, have: [0..<70])
    #expect(state.begin(slots: 1, now: 0).count == 1)
    #expect(state.handle(.answered(id: 0, Self.whole), now: 0) == [.truncate])
    #expect(state.done == 0)
    #expect(
      state.handle(.received(id: 0, count: 10), now: 0) == [.write(id: 0, offset: 0, count: 10)])
  }

  @Test("A web page in place of the file costs nothing that is here")
  func webPage() throws {
    var state = try Self.state(size: 100, have: [0..<70])
    _ = state.begin(slots: 1, now: 0)
    let page = HTTPHead(status: 200, headers: ["Content-Type": "text/html; charset=utf-8"])
    let actions = state.handle(.answered(id: 0, page), now: 0)
    #expect(!actions.contains(.truncate))
    #expect(state.done == 70)
  }

  @Test(
    "Takes no byte from an answer whose range, total or coding is not what was asked for",
    arguments: [
      ["Content-Range": "bytes 71-99/100"], ["Content-Range": "bytes 70-99/101"],
      ["Content-Range": "bytes 70-99"], ["Content-Range": "bytes 99-70/100"], [:],
      ["Content-Range": "bytes 70-99/100", "Content-Length": "29"],
      ["Content-Range": "bytes 70-99/100", "Content-Encoding": "gzip"],
    ])
  func badRanges(headers: [String: String]) throws {
    var state = try Self.state(size: 100, have: [0..<70])
    _ = state.begin(slots: 1, now: 0)
    let actions = state.handle(
      .answered(id: 0, HTTPHead(status: 206, headers: headers)), now: 0)
    #expect(actions.first == .abort(id: 0))
    #expect(state.handle(.received(id: 0, count: 30), now: 0) == [.abort(id: 0)])
    #expect(state.done == 70)
    #expect(state.failures == 1)
  }

  @Test("A range refused twice gives up what is held and asks for the whole file")
  func rangeNotSatisfiable() throws {
    var state = try Self.state(size: 100, have: [0..<70]) { $0.retryPause = 0 }
    for round in 0..<2 {
      #expect(state.begin(slots: 1, now: 0).count == 1)
      _ = state.handle(.answered(id: round, HTTPHead(status: 416)), now: 0)
      let actions = state.handle(.ended(id: round, failure: nil, body: ""), now: 0)
      #expect(actions.contains(.truncate) == (round == 1))
    }
    guard case .request(2, _, nil, _) = state.begin(slots: 4, now: 0).first else {
      Issue.record("expected a request without a range")
      return
    }
  }

  @Test("Asks the Hub again when a signed address is refused", arguments: [401, 403, 404, 410])
  func expired(status: Int) throws {
    var state = try Self.state(size: 2000) { $0.retryPause = 0 }
    _ = state.begin(slots: 1, now: 0)
    _ = state.handle(
      .answered(id: 0, HTTPHead(status: 302, headers: ["Location": "https://cdn.example/x"])),
      now: 0)
    _ = state.handle(.ended(id: 0, failure: nil, body: ""), now: 0)
    _ = state.handle(.answered(id: 0, HTTPHead(status: status)), now: 0)
    _ = state.handle(.ended(id: 0, failure: nil, body: ""), now: 0)
    guard case .request(_, let url, _, true) = state.begin(slots: 1, now: 0).first else {
      Issue.record("expected a request of the Hub")
      return
    }
    #expect(url.host == "hub.example")
  }

  @Test("The Hub's own refusal is final, and four flights that fail together are one failure")
  func failures() throws {
    var state = try Self.state(size: 2000)
    _ = state.begin(slots: 4, now: 0)
    for id in 0..<4 {
      _ = state.handle(
        .ended(id: id, failure: HubError(.network, "x", subject: "y"), body: ""), now: 0)
    }
    #expect(state.failures == 1)
    #expect(state.begin(slots: 4, now: 0.5) == [])
    #expect(state.begin(slots: 4, now: 1).count == 4)
    _ = state.handle(
      .answered(id: 4, HTTPHead(status: 403, headers: ["X-Error-Code": "GatedRepo"])), now: 1)
    _ = state.handle(.ended(id: 4, failure: nil, body: ""), now: 1)
    guard case .failed(let error) = state.phase else {
      Issue.record("expected a failure")
      return
    }
    #expect(error.code == .gated)
    #expect(error.message.contains("accept its terms at https://hub.example/o/n"))
  }

  @Test("Gives up after five failures in a row, but not while bytes come")
  func patience() throws {
    func fail(_ state: inout DownloadState, bytes: Int, _ id: Int) {
      let now = Double(id) * 100
      #expect(state.begin(slots: 1, now: now).count == 1)
      if bytes > 0, let from = state.have.ranges.last?.upperBound ?? Optional(0) {
        let head = from == 0 ? Self.whole : Self.part(from..<100, of: 100)
        _ = state.handle(.answered(id: id, head), now: now)
        _ = state.handle(.received(id: id, count: bytes), now: now)
      }
      _ = state.handle(
        .ended(id: id, failure: HubError(.network, "broke", subject: "s"), body: ""), now: now)
    }
    var state = try Self.state(size: 100)
    for id in 0..<40 { fail(&state, bytes: 1, id) }
    #expect(state.phase == .fetching)
    #expect(state.done == 40)
    for id in 40..<44 { fail(&state, bytes: 0, id) }
    #expect(state.phase == .fetching)
    fail(&state, bytes: 0, 44)
    guard case .failed(let error) = state.phase else {
      Issue.record("expected a failure")
      return
    }
    #expect(error.code == .network)
  }

  @Test("Waits as long as a server that limits requests asks, and not longer than it makes sense")
  func rateLimit() throws {
    func limited(_ headers: [String: String]) throws -> DownloadState {
      var state = try Self.state(size: 100)
      _ = state.begin(slots: 1, now: 0)
      _ = state.handle(.answered(id: 0, HTTPHead(status: 429, headers: headers)), now: 0)
      _ = state.handle(.ended(id: 0, failure: nil, body: ""), now: 0)
      return state
    }
    var state = try limited(["RateLimit": "\"resolvers\";r=0;t=55"])
    #expect(state.begin(slots: 1, now: 55.9) == [])
    #expect(state.begin(slots: 1, now: 56).count == 1)
    state = try limited(["Retry-After": "7"])
    #expect(state.begin(slots: 1, now: 6.9) == [])
    #expect(state.begin(slots: 1, now: 7).count == 1)
    guard case .failed(let error) = try limited(["Retry-After": "86400"]).phase else {
      Issue.record("expected a failure")
      return
    }
    #expect(error.code == .rateLimited(seconds: 86400))
  }

  @Test("Names a stall, keeps what came, and tells slow from silent")
  func stall() throws {
    var state = try Self.state(size: 100_000) { $0.splitBytes = 1 << 30 }
    _ = state.begin(slots: 1, now: 0)
    _ = state.handle(.answered(id: 0, HTTPHead(status: 200)), now: 0)
    _ = state.handle(.received(id: 0, count: 5000), now: 1)
    #expect(state.handle(.tick, now: 10) == [])
    _ = state.handle(.received(id: 0, count: 100), now: 11)
    let actions = state.handle(.tick, now: 20)
    #expect(actions.first == .abort(id: 0))
    guard case .note(let error, _) = actions.last else {
      Issue.record("expected a note")
      return
    }
    #expect(error.code == .stalled)
    #expect(state.done == 5100)
  }

  @Test("A wrong hash means once more from the start, over one connection, and then the end")
  func wrongHash() throws {
    var state = try Self.state(size: 2000, have: [0..<2000])
    #expect(state.begin(slots: 4, now: 0) == [.verify])
    #expect(state.handle(.verified(found: "beef"), now: 0).first == .truncate)
    let requests = state.begin(slots: 4, now: 0)
    #expect(requests.count == 1)
    guard case .request(let id, _, nil, _) = requests.first else {
      Issue.record("expected one request for the whole file")
      return
    }
    _ = state.handle(.answered(id: id, HTTPHead(status: 200)), now: 0)
    #expect(state.handle(.received(id: id, count: 2000), now: 0).last == .verify)
    _ = state.handle(.verified(found: "beef"), now: 0)
    guard case .failed(let error) = state.phase else {
      Issue.record("expected a failure")
      return
    }
    #expect(error.code == .corrupted)
    #expect(error.message.contains("beef") && error.message.contains(Self.hash))
    #expect(state.done == 0)
  }

  @Test("Fails at once when the Hub names another content, size or commit")
  func changedRemote() throws {
    for headers in [
      ["X-Linked-Etag": "\"\(String(repeating: "b", count: 64))\""], ["X-Linked-Size": "101"],
      ["X-Repo-Commit": String(repeating: "d", count: 40)],
    ] {
      var state = try Self.state(size: 100)
      _ = state.begin(slots: 1, now: 0)
      var all = headers
      all["Location"] = "https://cdn.example/x"
      _ = state.handle(.answered(id: 0, HTTPHead(status: 302, headers: all)), now: 0)
      guard case .failed(let error) = state.phase else {
        Issue.record("expected a failure for \(headers)")
        continue
      }
      #expect(error.code == .changedRemote)
    }
  }

  @Test("Closes everything when paused and goes on with what is missing when resumed")
  func pause() throws {
    var state = try Self.state(size: 2000)
    _ = state.begin(slots: 2, now: 0)
    _ = state.handle(.answered(id: 0, Self.part(0..<400, of: 2000)), now: 0)
    _ = state.handle(.received(id: 0, count: 150), now: 0)
    #expect(state.handle(.pause, now: 0) == [.abort(id: 0), .abort(id: 1)])
    #expect(state.begin(slots: 4, now: 99) == [])
    #expect(state.handle(.received(id: 0, count: 1), now: 0) == [.abort(id: 0)])
    _ = state.handle(.resume, now: 100)
    guard case .request(_, _, let range, _) = state.begin(slots: 1, now: 100).first else {
      Issue.record("expected a request")
      return
    }
    #expect(range == 150..<550)
  }
}
