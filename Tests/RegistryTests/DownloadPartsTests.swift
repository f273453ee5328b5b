import Foundation
import Registry
import Testing

@Suite struct DownloadPartsTests {
  // MARK: references

  @Test("Reads owner/name, a quantisation and a revision from what a user types")
  func references() throws {
    let full = try HubReference("ggml-org/gpt-oss-20b-GGUF:MXFP4@refs/pr/1")
    #expect(full.repository == "ggml-org/gpt-oss-20b-GGUF")
    #expect(full.quant == "MXFP4")
    #expect(full.revision == "refs/pr/1")
    #expect(full.description == "ggml-org/gpt-oss-20b-GGUF:MXFP4@refs/pr/1")
    #expect(try HubReference("gpt2").description == "gpt2")
    #expect(try HubReference("hf:a/b").repository == "a/b")
    #expect(try HubReference("https://huggingface.co/a/b/").repository == "a/b")
  }

  @Test(
    "Refuses what is no reference",
    arguments: [
      "", "/", "a/", "/b", "a/b/c", "../b", "a/..", "a b/c", "a/b:", "a/b@", "a/b@../x", "a/b@/x",
      "a/b:Q 4", "-a/b", "a/b@x\ny",
    ])
  func badReferences(text: String) {
    #expect(throws: HubError.self) { try HubReference(text) }
  }

  @Test(
    "A path from a server stays inside the repository or is refused",
    arguments: ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/.", "a\\b", "a\u{0}b"])
  func badPaths(path: String) {
    #expect(HubFile(path: path, size: 1, hash: .gitBlob(String(repeating: "a", count: 40))) == nil)
  }

  @Test("A hash that could not name a file is refused")
  func badHashes() {
    for hash in [
      "", "../../x", String(repeating: "A", count: 64), String(repeating: "g", count: 64),
    ] {
      #expect(HubFile(path: "a", size: 1, hash: .sha256(hash)) == nil)
    }
    #expect(HubFile(path: "a", size: -1, hash: .sha256(DownloadStateTests.hash)) == nil)
  }

  // MARK: addresses

  @Test(
    "This machine is localhost and 127.0.0.0/8, not a name that begins like them",
    arguments: [
      ("http://localhost:1/v1", true), ("http://127.0.0.1:1", true), ("http://127.9.8.7", true),
      ("http://[::1]:1", true), ("http://127.evil.example", false),
      ("http://127.0.0.1.evil.example", false), ("http://127.0.0.evil", false),
      ("http://128.0.0.1", false), ("http://localhost.example", false),
    ])
  func loopback(address: String, isHere: Bool) throws {
    #expect(try #require(HubURL(address)).isLoopback == isHere)
  }

  // MARK: settings

  @Test("A time-out of any size is a number of milliseconds a transfer can take")
  func timeouts() throws {
    for text in ["1e20", "inf", "9223372036854775807"] {
      let settings = try settings([
        "HF_HUB_ETAG_TIMEOUT": text, "HF_HUB_DOWNLOAD_TIMEOUT": text,
      ])
      #expect(settings.answerTimeout == 86_400 && settings.limits.stallSeconds == 86_400)
    }
    let settings = try settings(["HF_HUB_ETAG_TIMEOUT": "nan", "HF_HUB_DOWNLOAD_TIMEOUT": "2.5"])
    #expect(settings.answerTimeout == 10 && settings.limits.stallSeconds == 2.5)
  }

  private func settings(_ environment: [String: String]) throws -> HubSettings {
    try HubSettings(environment: environment.merging(["HOME": "/home/u"]) { own, _ in own })
  }

  @Test("Finds the cache and the endpoint by Hugging Face's own variables, in their order")
  func variables() throws {
    #expect(try settings([:]).cache == "/home/u/.cache/huggingface/hub")
    #expect(try settings([:]).endpoint.text == "https://huggingface.co")
    #expect(try settings(["XDG_CACHE_HOME": "/x"]).cache == "/x/huggingface/hub")
    #expect(try settings(["XDG_CACHE_HOME": "/x", "HF_HOME": "~/h"]).cache == "/home/u/h/hub")
    #expect(try settings(["HF_HOME": "/h", "HUGGINGFACE_HUB_CACHE": "/old"]).cache == "/old")
    #expect(try settings(["HUGGINGFACE_HUB_CACHE": "/old", "HF_HUB_CACHE": "/c"]).cache == "/c")
    #expect(try settings(["HF_HUB_DOWNLOAD_TIMEOUT": "33"]).limits.stallSeconds == 33)
    #expect(throws: HubError.self) { try settings(["HF_ENDPOINT": "ftp://x"]) }
  }

  @Test("An endpoint's trailing slashes do not end up in addresses")
  func endpoint() throws {
    let settings = try settings(["HF_ENDPOINT": "http://mirror.example/hub//"])
    let source = try DownloadSource(
      settings: settings, repository: "o/n", commit: "c", path: "a b/ü.gguf")
    #expect(source.url.text == "http://mirror.example/hub/o/n/resolve/c/a%20b/%C3%BC.gguf")
  }

  @Test("Trims the token, wherever it comes from, and sends a stored one unless told not to")
  func token() throws {
    let cache = TemporaryCache()
    defer { cache.remove() }
    try Data("hf_stored\n".utf8).write(to: URL(fileURLWithPath: cache.path + "/token"))
    #expect(try settings(["HF_TOKEN": " hf_a\n"]).token == "hf_a")
    #expect(try settings(["HUGGING_FACE_HUB_TOKEN": "hf_b"]).token == "hf_b")
    #expect(try settings(["HF_HOME": cache.path]).token == "hf_stored")
    #expect(try settings(["HF_TOKEN_PATH": cache.path + "/token"]).token == "hf_stored")
    #expect(try settings(["HF_HOME": cache.path, "HF_TOKEN": "hf_a"]).token == "hf_a")
    #expect(
      try settings(["HF_HOME": cache.path, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"]).token == nil)
    #expect(throws: HubError.self) { try settings(["HF_TOKEN": "a\r\nX-Evil: b"]) }
  }

  @Test("Knows the values that mean offline", arguments: ["1", "ON", "yes", "True", "0", ""])
  func offline(value: String) throws {
    let isOff = !["0", ""].contains(value)
    #expect((try settings(["HF_HUB_OFFLINE": value]).offline != nil) == isOff)
    #expect((try settings(["TRANSFORMERS_OFFLINE": value]).offline != nil) == isOff)
  }

  // MARK: answers

  @Test("Each refusal is told apart in one sentence")
  func refusals() {
    func code(_ status: Int, _ headers: [String: String] = [:], token: Bool = false) -> HubError {
      HubError(
        answer: HTTPHead(status: status, headers: headers), subject: "o/n", repository: "o/n",
        endpoint: "https://hub", hasToken: token)
    }
    #expect(code(401).code == .unauthorized)
    #expect(code(401).message.contains("HF_TOKEN"))
    #expect(code(401, ["X-Error-Code": "GatedRepo"]).code == .gated)
    #expect(code(403, ["X-Error-Code": "GatedRepo"]).message.contains("https://hub/o/n"))
    #expect(code(401, ["X-Error-Message": "Invalid credentials in …"]).code == .badToken)
    #expect(code(403).code == .forbidden)
    #expect(
      code(403, ["X-Error-Message": "Access to this resource is disabled."]).code == .disabled)
    #expect(code(404, ["X-Error-Code": "RepoNotFound"]).code == .repositoryNotFound)
    #expect(code(404, ["X-Error-Code": "RevisionNotFound"]).code == .revisionNotFound)
    #expect(code(404, ["X-Error-Code": "EntryNotFound"]).code == .fileNotFound)
    #expect(code(410).code == .gone)
    #expect(code(429, ["Retry-After": "9"]).code == .rateLimited(seconds: 9))
    for headers in [
      ["Retry-After": "1e30"], ["Retry-After": "inf"], ["RateLimit": "\"r\";r=0;t=1e300"],
      ["Retry-After": "Sun, 06 Nov 9994 08:49:37 GMT"],
    ] {
      let error = code(429, headers)
      #expect(error.code == .rateLimited(seconds: 86_400))
      #expect(error.message.contains("asks to wait 86400 s"))
    }
    #expect(code(502).code == .server(status: 502))
    #expect(code(502).isOutage && !code(404).isOutage)
    #expect(HubError(.offline, "", subject: "").meansOffline)
  }

  @Test("Reads status lines, ranges and links, and ignores what is none")
  func heads() {
    var head = HTTPHead(statusLine: "HTTP/1.1 206 Partial Content")
    head?.add(line: "Content-Range:  bytes 5-9/20 ")
    head?.add(line: "LINK: <https://a/b?c=1>; rel=\"prev\", <https://a/b?c=3>; rel=\"next\"")
    #expect(head?.contentRange?.bytes == 5..<10)
    #expect(head?.contentRange?.total == 20)
    #expect(head?.nextLink == "https://a/b?c=3")
    for line in ["HTTP/1.1", "HTTP/1.1 2", "ICY 200 OK", "HTTP/1.1 9999 x", ""] {
      #expect(HTTPHead(statusLine: line) == nil)
    }
    for range in [
      "bytes 5-9", "bytes -1-9/20", "bytes 9-5/20", "bytes 0-9223372036854775807/*", "items 1-2/3",
      "bytes 5-20/20", "bytes a-b/c", "bytes */20",
    ] {
      #expect(HTTPHead(status: 206, headers: ["Content-Range": range]).contentRange == nil)
    }
  }

  // MARK: progress and hashes

  @Test(
    "Waits until a date, by the server's clock, in each of the three forms of HTTP dates",
    arguments: [
      "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
    ])
  func retryDate(date: String) {
    let head = HTTPHead(
      status: 429, headers: ["Retry-After": date, "Date": "Sun, 06 Nov 1994 08:47:37 GMT"])
    #expect(head.retryDelay == 120)
    let past = HTTPHead(
      status: 503, headers: ["Retry-After": date, "Date": "Mon, 07 Nov 1994 08:49:37 GMT"])
    #expect(past.retryDelay == 0)
    let alone = HTTPHead(status: 503, headers: ["Retry-After": date])
    #expect(alone.retryDelay == 0, "1994 is over")
  }

  @Test(
    "Dates that are none say nothing",
    arguments: [
      "soon", "Sun, 31 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "",
      "Sun, 06 Nov 1994 08:49:37 CET", "06 Nov 1994",
      "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
    ])
  func noDate(text: String) {
    #expect(HTTPHead(status: 429, headers: ["Retry-After": text]).retryDelay == nil)
  }

  @Test("Progress never goes back, and its rate forgets what is older than the window")
  func progress() {
    var meter = ProgressMeter(total: 1000, done: 100, now: 0)
    #expect(meter.progress(done: 100, now: 0.1).rate == nil)
    meter.received(300)
    let first = meter.progress(done: 400, now: 1)
    #expect(first.bytes == 400)
    #expect(first.rate == 300)
    #expect(first.secondsLeft == 2)
    #expect(meter.progress(done: 0, now: 2).bytes == 400)
    for second in 3...20 { _ = meter.progress(done: 400, now: Double(second)) }
    #expect(meter.progress(done: 400, now: 21).rate == 0)
    #expect(meter.progress(done: 400, now: 21).secondsLeft == nil)
    #expect(meter.progress(done: 5000, now: 22).bytes == 1000)
  }

  @Test(
    "Gives git's ids for contents",
    arguments: [
      ("", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
      ("hello\n", "ce013625030ba8dba906f756967f9e9ca394464a"),
      (String(repeating: "a", count: 1_000_000), "de1fbf0c2f34f67f01f355f31ed0cf7319643c5e"),
    ])
  func gitIDs(text: String, id: String) {
    var hash = GitBlobHash(size: text.utf8.count)
    Array(text.utf8).withUnsafeBytes { bytes in
      // In uneven parts, so that block borders fall everywhere.
      var at = 0
      var step = 1
      while at < bytes.count {
        let end = min(at + step, bytes.count)
        hash.update(UnsafeRawBufferPointer(rebasing: bytes[at..<end]))
        at = end
        step = step * 3 % 199 + 1
      }
    }
    #expect(hash.finalize() == id)
  }
}
