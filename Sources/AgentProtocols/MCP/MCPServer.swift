import CarrelKit

/// A Model Context Protocol server for one client: tools to search, read, ask and index, and the
/// indexed files as resources. modelcontextprotocol.io has the protocol.
@ControlActor package final class MCPServer: RPCService {
  let desk: any AgentDesk
  let version: String
  private let connection: RPCConnection
  /// Folders the command line allows besides those that are indexed.
  private let allowed: [String]
  private var isInitialized = false
  /// What to stop when the client is gone.
  private var running: [RPCID: @ControlActor @Sendable () -> Void] = [:]
  /// The latest question. The next one waits for its end: each holds a timeline in memory, and several
  /// at once would only share the processor.
  var latestQuestion: Task<JSONValue, any Error>?
  /// Open `subscriptions/listen` requests, and whether they want to hear of new files.
  private var listeners: [RPCID: (reply: RPCReply, wantsFiles: Bool)] = [:]

  /// - Parameters:
  ///   - allowed: absolute paths that may be indexed and read although they are not indexed yet.
  ///   - version: Carrel's.
  package init(
    desk: any AgentDesk, connection: RPCConnection, allowed: [String], version: String
  ) {
    self.desk = desk
    self.connection = connection
    self.allowed = allowed
    self.version = version
  }

  /// Serves a client until it is gone.
  package static func serve(
    _ desk: any AgentDesk, on connection: RPCConnection, allowing allowed: [String],
    version: String
  ) async {
    let server = MCPServer(
      desk: desk, connection: connection, allowed: allowed, version: version)
    await connection.serve(server)
  }

  package func endOfInput() {
    for stop in running.values { stop() }
    for (id, listener) in listeners {
      connection.notify("notifications/cancelled", ["requestId": id.json])
      listener.reply.drop()
    }
    listeners = [:]
  }

  // MARK: Methods

  package func receive(_ call: RPCCall, _ reply: RPCReply?) {
    do throws(RPCError) {
      let params = try RPCParameters(call.params)
      guard let reply else { return notice(call.method, params) }
      guard reply.id != .null else {
        throw RPCError(.invalidRequest, "id: expected a string or whole number, found null.")
      }
      try receive(call.method, params, reply)
    } catch {
      reply?.fail(error)
    }
  }

  private func notice(_ method: String, _ params: RPCParameters) {
    guard method == "notifications/cancelled" else { return }
    if let id = params.members["requestId"].flatMap(RPCID.init) { connection.cancel(id) }
  }

  private func receive(
    _ method: String, _ params: RPCParameters, _ reply: RPCReply
  ) throws(RPCError) {
    let era = try MCPEra(method, params, isInitialized: isInitialized)
    switch (method, era) {
    case ("initialize", _): try initialize(params, reply)
    case ("ping", .handshake): reply.succeed([:])
    case ("server/discover", .stateless):
      succeed(
        reply, era,
        [
          "supportedVersions": .array(
            (MCPEra.statelessVersions + MCPEra.handshakeVersions.reversed()).map { .string($0) }),
          "capabilities": capabilities, "instructions": .string(Self.instructions),
        ], lasts: 3_600_000)
    case ("tools/list", _):
      try Self.refuse(cursor: params)
      succeed(reply, era, ["tools": .array(MCPTool.allCases.map(\.json))], lasts: 3_600_000)
    case ("tools/call", _): try callTool(params, reply, era)
    case ("resources/list", _): try listResources(params, reply, era)
    case ("resources/templates/list", _):
      try Self.refuse(cursor: params)
      succeed(reply, era, ["resourceTemplates": [MCPResources.template]], lasts: 3_600_000)
    case ("resources/read", _): try readResource(params, reply, era)
    case ("subscriptions/listen", .stateless): try listen(params, reply)
    default: throw RPCError(.methodNotFound, "There is no method \(method.prefix(100)).")
    }
  }

  private static func refuse(cursor params: RPCParameters) throws(RPCError) {
    guard try params.optionalString("cursor") == nil else {
      throw RPCError(.invalidParameters, "cursor: this list has one page.")
    }
  }

  private var info: JSONValue {
    ["name": "carrel", "title": "Carrel", "version": .string(version)]
  }

  private var capabilities: JSONValue { ["tools": [:], "resources": ["listChanged": true]] }

  private static let instructions =
    "Searches the documents the user has indexed on this machine. Use search_documents for facts, "
    + "read_chunk for what surrounds a hit, and cite path and lines."

  private func initialize(_ params: RPCParameters, _ reply: RPCReply) throws(RPCError) {
    let wanted = try params.string("protocolVersion")
    isInitialized = true
    reply.succeed([
      "protocolVersion": .string(MCPEra.agree(on: wanted)), "capabilities": capabilities,
      "serverInfo": info, "instructions": .string(Self.instructions),
    ])
  }

  func succeed(_ reply: RPCReply, _ era: MCPEra, _ result: JSONValue, lasts: Int? = nil) {
    reply.succeed(era.result(result, server: info, lasts: lasts))
  }

  // MARK: Changes

  /// Opens a stream of changes; it ends when the client takes the request back.
  private func listen(_ params: RPCParameters, _ reply: RPCReply) throws(RPCError) {
    guard let filter = try params.optionalObject("notifications") else {
      throw RPCParameters.wrong("notifications", "an object", nil)
    }
    let id = reply.id
    let wantsFiles = filter["resourcesListChanged"]?.bool ?? false
    listeners[id] = (reply, wantsFiles)
    reply.onCancel {
      self.listeners[id] = nil
      reply.drop()
    }
    connection.notify(
      "notifications/subscriptions/acknowledged",
      [
        "_meta": Self.subscription(id),
        "notifications": wantsFiles ? ["resourcesListChanged": true] : [:],
      ])
  }

  private static func subscription(_ id: RPCID) -> JSONValue {
    ["io.modelcontextprotocol/subscriptionId": id.json]
  }

  /// Files came or went: tells whoever asked, each generation in its way.
  func filesChanged() {
    let method = "notifications/resources/list_changed"
    if isInitialized { connection.notify(method, [:]) }
    for (id, listener) in listeners where listener.wantsFiles {
      connection.notify(method, ["_meta": Self.subscription(id)])
    }
  }

  // MARK: Longer work

  /// Runs `body` as the request's work. A client that takes the request back gets no answer.
  /// - Parameter stop: ends the work soon; called when the request is taken back or the client gone.
  func run(
    _ reply: RPCReply, stop: @escaping @ControlActor @Sendable () -> Void = {},
    _ body: @escaping @ControlActor @Sendable () async -> Void
  ) {
    let id = reply.id
    let task = Task { @ControlActor in
      await body()
      self.running[id] = nil
    }
    running[id] = stop
    reply.onCancel {
      reply.drop()
      stop()
      task.cancel()
    }
  }

  /// Reports of a request that asked for them; nil when it did not.
  func progress(_ params: RPCParameters, _ reply: RPCReply) -> MCPProgress? {
    guard let token = params.members["_meta"]?["progressToken"],
      token.string != nil || token.integer != nil
    else { return nil }
    return MCPProgress(token: token, reply: reply, connection: connection)
  }

  /// What may be reached now.
  func folders() async -> AllowedFolders {
    let report = try? await desk.indexReport(checkingDisk: false)
    return AllowedFolders((report?.roots ?? []) + allowed)
  }
}

/// `notifications/progress` of one request: ever higher, at most ten a second, none after its answer.
@ControlActor final class MCPProgress {
  private let token: JSONValue
  private let reply: RPCReply
  private let connection: RPCConnection
  private var last = -1
  private var gate = ProgressGate()

  init(token: JSONValue, reply: RPCReply, connection: RPCConnection) {
    self.token = token
    self.reply = reply
    self.connection = connection
  }

  func report(_ done: Int, of total: Int? = nil, _ message: String) {
    guard done > last, !reply.isAnswered, gate.opens() || done == total else { return }
    last = done
    connection.notify(
      "notifications/progress",
      [
        "progressToken": token, "progress": .integer(done),
        "total": total.map { .integer($0) }, "message": .string(message),
      ])
  }
}
