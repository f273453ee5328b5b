import Foundation
import Registry
import Testing

@Suite("Endpoints a user configures")
struct RemoteEndpointTests {
  private func configured(_ json: String) throws -> [RemoteEndpoint] {
    let folder = FileManager.default.temporaryDirectory.path + "/carrel-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try json.write(toFile: folder + "/endpoints.json", atomically: true, encoding: .utf8)
    return try RemoteEndpoint.configured(inFolder: folder)
  }

  @Test("A folder without endpoints.json has none")
  func none() throws {
    #expect(try RemoteEndpoint.configured(inFolder: "/nowhere").isEmpty)
  }

  @Test("An entry names its address, model, key and context")
  func entry() throws {
    let endpoints = try configured(
      """
      {"version": 1, "endpoints": [
        {"id": "office", "url": "https://gpu.example/v1", "model": "openai/gpt-oss-20b",
         "keyVariable": "OFFICE_KEY", "context": 32768, "rank": 500},
        {"id": "near", "url": "http://127.0.0.1:8080/v1", "model": "m"}]}
      """)
    #expect(endpoints.map(\.id) == ["office", "near"])
    #expect(endpoints[0].keyVariable == "OFFICE_KEY")
    #expect(endpoints[0].context == 32768)
    #expect(endpoints.map(\.leavesMachine) == [true, false])
  }

  @Test("Slashes at the end of an address are not doubled by what comes after")
  func slashes() throws {
    let endpoints = try configured(
      """
      {"version": 1, "endpoints": [
        {"id": "a", "url": "http://h:8080/v1//", "model": "m"},
        {"id": "b", "url": "http://h:8080/", "model": "m"}]}
      """)
    #expect(endpoints.map(\.url.text) == ["http://h:8080/v1", "http://h:8080"])
  }

  @Test("A question to a server on this machine goes through no proxy")
  func proxy() throws {
    // The hub refuses every POST; nothing answers at the proxy's port.
    let port = try FakeHub.shared.get().port
    let url = try #require(HubURL("http://127.0.0.1:\(port)/v1/chat/completions"))
    setenv("http_proxy", "http://127.0.0.1:1", 1)
    defer { unsetenv("http_proxy") }
    let post = EventStreamPost(url: url, body: Array("{}".utf8), key: "secret")
    let error = #expect(throws: HubError.self) {
      try post.run(isCancelled: { false }) { _ in .goOn }
    }
    #expect(error?.code == .server(status: 501))
  }

  @Test(
    "What cannot be used is refused with the file and the entry",
    arguments: [
      (#"{"version": 2, "endpoints": []}"#, "expected version 1"),
      (#"{"endpoints": 3}"#, "endpoints.json"),
      (#"{"version":1,"endpoints":[{"id":"Big","url":"http://h/v1","model":"m"}]}"#, "Big"),
      (#"{"version":1,"endpoints":[{"id":"a","url":"ftp://h/v1","model":"m"}]}"#, "ftp://h/v1"),
      (
        #"{"version":1,"endpoints":[{"id":"a","url":"http://h/v1","model":"m","keyVariable":"K"}]}"#,
        "in the clear"
      ),
      (
        #"{"version":1,"endpoints":[{"id":"a","url":"http://127.example/v1","model":"m","keyVariable":"K"}]}"#,
        "in the clear"
      ),
      (#"{"version":1,"endpoints":[{"id":"a","url":"http://h/v1?x=1","model":"m"}]}"#, "a query"),
      (
        #"{"version":1,"endpoints":[{"id":"a","url":"http://h/v1","model":"m","context":1}]}"#,
        "found 1"
      ),
    ])
  func refused(json: String, words: String) {
    let error = #expect(throws: RegistryError.self) { try configured(json) }
    #expect("\(error.map(String.init(describing:)) ?? "")".contains(words))
  }
}
