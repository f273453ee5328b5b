import AgentProtocols
import CarrelKit
import Foundation
import Synchronization
import Testing

@Suite("The MCP server")
@WaitingActor struct MCPServerTests {
  private func start(_ desk: FakeDesk = FakeDesk()) -> Line {
    let line = Line()
    line.serve { await MCPServer.serve(desk, on: $0, allowing: [], version: "0") }
    return line
  }

  private static let meta =
    #""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#

  private func code(_ message: JSONValue?) -> Int? { message?["error"]?["code"]?.integer }

  @Test("Both generations are served on one connection, each request by what it says")
  func eras() async {
    let line = start()
    line.send(#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)
    #expect(code(line.next()) == -32602, "neither initialized nor with _meta")
    line.send(#"{"jsonrpc":"2.0","id":2,"method":"server/discover","params":{\#(Self.meta)}}"#)
    let found = line.next()?["result"]
    #expect(found?["supportedVersions"]?.array?.first == "2026-07-28")
    #expect(found?["resultType"] == "complete" && found?["ttlMs"]?.integer != nil)
    line.send(#"{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{\#(Self.meta)}}"#)
    let modern = line.next()?["result"]
    #expect(modern?["tools"]?.array?.count == 5 && modern?["cacheScope"] == "private")
    for method in ["ping", "logging/setLevel", "initialized"] {
      line.send(#"{"jsonrpc":"2.0","id":4,"method":"\#(method)","params":{\#(Self.meta)}}"#)
      #expect(code(line.next()) == -32601, "\(method) is of the handshake")
    }
    for (asked, agreed) in [
      ("2025-06-18", "2025-06-18"), ("2025-11-25", "2025-11-25"), ("2024-11-05", "2024-11-05"),
      ("1999-01-01", "2025-11-25"), ("2026-07-28", "2025-11-25"),
    ] {
      line.send(
        #"{"jsonrpc":"2.0","id":5,"method":"initialize","params":{"protocolVersion":"\#(asked)","capabilities":{},"clientInfo":{"name":"t","version":"0"}}}"#
      )
      #expect(line.next()?["result"]?["protocolVersion"]?.string == agreed)
    }
    line.send(#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
    line.send(#"{"jsonrpc":"2.0","id":6,"method":"tools/list"}"#)
    let legacy = line.next()?["result"]
    #expect(legacy?["tools"] == modern?["tools"] && legacy?["resultType"] == nil)
    line.send(#"{"jsonrpc":"2.0","id":7,"method":"server/discover"}"#)
    #expect(code(line.next()) == -32601)
    line.send(#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#)
    #expect(code(line.next()) == -32600)
    await line.end()
  }

  @Test("A version that is not served, and _meta without its other half, get the codes they should")
  func versions() async {
    let version = #""io.modelcontextprotocol/protocolVersion":"#
    let rest = #","io.modelcontextprotocol/clientCapabilities":{}"#
    let cases = [
      (version + #""2099-01-01""# + rest, -32022), (version + #""2025-11-25""# + rest, -32022),
      (version + #""2026-07-28""#, -32602), (version + "5" + rest, -32602),
    ]
    let line = start()
    for (meta, expected) in cases {
      line.send(#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{\#(meta)}}}"#)
      let answer = line.next()
      #expect(code(answer) == expected, "\(meta)")
      if expected == -32022 {
        let supported = answer?["error"]?["data"]?["supported"]?.array ?? []
        #expect(supported.contains("2026-07-28") && supported.contains("2025-11-25"))
      }
    }
    await line.end()
  }

  @Test("Work that is taken back is stopped and never answered; its progress only went up")
  func cancelling() async {
    var manner = FakeDesk.Manner()
    manner.words = 1_000_000
    manner.milliseconds = 1
    let desk = FakeDesk(manner, roots: ["/tmp"])
    let line = start(desk)
    for (tool, arguments) in [
      ("ask", #"{"question":"Count."}"#), ("index_path", #"{"path":"/tmp"}"#),
    ] {
      line.send(
        #"{"jsonrpc":"2.0","id":"w","method":"tools/call","params":{"name":"\#(tool)","arguments":\#(arguments),"_meta":{"progressToken":"p",\#(Self.meta.dropFirst(#""_meta":{"#.count).dropLast())}}}"#
      )
      var steps: [Int] = []
      while steps.count < 4, let message = line.next() {
        #expect(message["method"] == "notifications/progress", "\(message.text)")
        steps.append(message["params"]?["progress"]?.integer ?? -1)
      }
      #expect(steps.count == 4 && steps == Set(steps).sorted())
      line.send(
        #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"w"}}"#)
      line.send(#"{"jsonrpc":"2.0","id":"e","method":"tools/list","params":{\#(Self.meta)}}"#)
      let rest = line.until { $0["id"] == "e" }
      let late = rest.filter { $0["id"] == "w" }
      #expect(late.isEmpty)
      #expect(line.next(seconds: 0.2) == nil)
    }
    let end = Date.now.addingTimeInterval(2)
    while desk.running.load(ordering: .relaxed) > 0, end > .now { usleep(1000) }
    #expect(desk.running.load(ordering: .relaxed) == 0)
    await line.end()
  }

  @Test("Questions are answered one after the other; one that is taken back in time costs nothing")
  func oneAtATime() async {
    var manner = FakeDesk.Manner()
    manner.words = 20
    manner.milliseconds = 2
    let desk = FakeDesk(manner)
    let line = start(desk)
    for id in ["a", "b", "c"] {
      line.send(
        #"{"jsonrpc":"2.0","id":"\#(id)","method":"tools/call","params":{"name":"ask","arguments":{"question":"Count."},\#(Self.meta)}}"#
      )
    }
    line.send(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"b"}}"#)
    let ids = line.until { $0["id"] == "c" }.compactMap { $0["id"]?.string }
    #expect(ids == ["a", "c"])
    #expect(desk.mostRunning.load(ordering: .relaxed) == 1)
    #expect(desk.opened.withLock { $0.count } == 2)
    await line.end()
  }

  @Test("Indexing a path anew goes by its folder's rules: hidden and ignored files stay unread")
  func hidden() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "carrel-\(UUID())")
      .resolvingSymlinksInPath()
    defer { try? FileManager.default.removeItem(at: folder) }
    let docs = folder.appending(path: "docs").path
    func write(_ name: String, _ text: String) throws {
      let file = URL(filePath: docs + "/" + name)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    let secrets = [".secret/key.md", "ignored/x.md"]
    for name in ["a.md"] + secrets { try write(name, "Words of \(name).") }
    try write(".gitignore", "ignored/\n")
    let workspace = Workspace(
      WorkspaceSettings(models: folder.path + "/models", index: folder.path + "/index"))
    for try await _ in workspace.addToIndex([docs]) {}
    let line = Line()
    line.serve { await MCPServer.serve(workspace, on: $0, allowing: [], version: "0") }
    func call(_ method: String, _ params: String) -> JSONValue? {
      line.send(
        #"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":{\#(params),\#(Self.meta)}}"#)
      return line.until { $0["id"] == 1 }.last
    }
    func reads(_ name: String) -> Bool {
      call("resources/read", #""uri":"file://\#(docs)/\#(name)""#)?["result"] != nil
    }
    try write("new.md", "New words.")
    for name in secrets + [".secret", "ignored", "new.md"] {
      let answer = call(
        "tools/call", #""name":"index_path","arguments":{"path":"\#(docs)/\#(name)"}"#)
      #expect(answer?["result"]?["structuredContent"]?["path"]?.string == docs, "\(name)")
    }
    for name in secrets { #expect(!reads(name), "\(name)") }
    #expect(reads("a.md") && reads("new.md"))
    #expect(try await workspace.indexReport(checkingDisk: false).roots == [docs])
    await line.end()
  }

  @Test("Only asking may reach beyond this machine")
  func openWorld() {
    let open = MCPTool.allCases.filter { $0.json["annotations"]?["openWorldHint"] == true }
    #expect(open == [.ask])
  }

  @Test("Filters reach the search as they were given; a bad one is an error the model can read")
  func filters() async throws {
    let desk = FakeDesk()
    let line = start(desk)
    func call(_ tool: String, _ arguments: String) -> JSONValue? {
      line.send(
        #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\#(tool)","arguments":{\#(arguments)},\#(Self.meta)}}"#
      )
      return line.next()?["result"]
    }
    let some = #""in":["/docs","/a b.md"],"type":[".md","tar.gz"],"since":"2026-05-01T08:30""#
    let since = try #require(Moment.parse("2026-05-01T08:30"))
    let scope = SearchScope(
      paths: ["/docs", "/a b.md"], types: [".md", "tar.gz"], since: since)
    let found = call("search_documents", #""query":"x",\#(some)"#)?["structuredContent"]?["scope"]
    #expect(found?["in"] == ["/docs", "/a b.md"] && found?["type"] == [".md", "tar.gz"])
    #expect(found?["files"] == 3 && found?["since"] != nil)
    _ = call("ask", #""question":"x",\#(some)"#)
    let all = call("search_documents", #""query":"x","in":null"#)
    #expect(all?["structuredContent"]?.object?["scope"] == .null)
    #expect(desk.scopes.withLock { $0 } == [scope, scope, .all])
    for (wrong, words) in [
      (#""in":"/docs""#, "in: expected an array, found"),
      (#""in":["docs"]"#, "in: expected absolute paths, found `docs`"),
      (#""in":["/a\u0000b"]"#, "in: expected absolute paths"),
      (#""in":[]"#, "in: expected 1 to 100 values, found 0"),
      (#""in":["/a",5]"#, "in: expected an array of absolute paths"),
      (#""type":["a/b"]"#, "type: expected endings of names such as md, found `a/b`"),
      (#""type":["."]"#, "type: expected endings"), (#""type":["m d"]"#, "type: expected endings"),
      (#""since":"lately""#, "since: expected a day such as 2026-05-01"),
      (#""since":7"#, "since: expected a string"), (#""since":"""#, "since: expected a day"),
    ] {
      for (tool, question) in [("search_documents", "query"), ("ask", "question")] {
        let result = call(tool, #""\#(question)":"x",\#(wrong)"#)
        let text = result?["content"]?.array?.first?["text"]?.string ?? ""
        #expect(result?["isError"] == true && text.hasPrefix(words), "\(wrong): \(text)")
      }
    }
    let chat = call("ask", #""question":"x","mode":"chat","type":["md"]"#)
    #expect(chat?["isError"] == true)
    #expect(desk.scopes.withLock { $0.count } == 3, "nothing was searched for a bad filter")
    await line.end()
  }

  @Test("Only paths inside the allowed folders count, whatever links and dots they are made of")
  func folders() throws {
    let manager = FileManager.default
    let folder = manager.temporaryDirectory.appending(path: "carrel-\(UUID().uuidString)").path
    defer { try? manager.removeItem(atPath: folder) }
    for name in ["in/deep", "inside", "out"] {
      try manager.createDirectory(atPath: folder + "/" + name, withIntermediateDirectories: true)
    }
    for name in ["in/a.md", "inside/b.md", "out/c.md"] {
      try "x".write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
    }
    let links = [
      ("in/up", folder), ("in/out", "../out"), ("in/c.md", "../out/c.md"), ("alias", "in"),
    ]
    for (link, target) in links {
      try manager.createSymbolicLink(
        atPath: folder + "/" + link, withDestinationPath: target)
    }
    let allowed = AllowedFolders([folder + "/alias", folder + "/missing"])
    let yes = [
      "in", "in/", "in/deep", "in/a.md", "alias/a.md", "in/./deep/../a.md", "out/../in/a.md",
    ]
    let no = [
      "", "inside", "inside/b.md", "out/c.md", "in/up", "in/up/out/c.md", "in/out", "in/out/c.md",
      "in/c.md", "in/../out", "in/missing", "missing",
    ]
    let root = try #require(allowed.roots.first)
    for path in yes { #expect(allowed.root(of: folder + "/" + path) == root, "\(path)") }
    for path in no { #expect(allowed.root(of: folder + "/" + path) == nil, "\(path)") }
    for path in ["in/a.md", "", "/"] { #expect(allowed.root(of: path) == nil) }
    #expect(AllowedFolders(["/"]).root(of: "/etc") == "/")
    let nested = AllowedFolders([folder + "/in", folder + "/in/deep"])
    #expect(nested.root(of: folder + "/in/deep") == root + "/deep", "the innermost")
    #expect(
      MCPResources.contents(folder + "/in/a.md", uri: "u", in: allowed)?["contents"] == [
        ["uri": "u", "mimeType": "text/markdown", "text": "x"]
      ])
    for path in ["in/c.md", "in/out/c.md", "in", "in/missing"] {
      #expect(MCPResources.contents(folder + "/" + path, uri: "u", in: allowed) == nil, "\(path)")
    }
    #expect(MCPResources.contents("/dev/zero", uri: "u", in: AllowedFolders(["/"])) == nil)
  }

  @Test("file URIs and paths lead to each other; everything else is none")
  func uris() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      let name = JSONTests.text(&random).replacingOccurrences(of: "\0", with: "")
      #expect(FileURI.path(FileURI.of("/" + name)) == "/" + name)
    }
    #expect(FileURI.of("/a b/é#?.md") == "file:///a%20b/%C3%A9%23%3F.md")
    #expect(FileURI.path("file://localhost/a") == "/a" && FileURI.path("file:///a?x#y") == "/a")
    for uri in [
      "", "file:", "file://", "file://host/a", "file:a", "/a", "http://localhost/a", "file:///%",
      "file:///%4", "file:///%zz", "file:///%00", "file:///%FF", "FILE",
    ] {
      #expect(FileURI.path(uri) == nil, "\(uri)")
    }
  }
}
