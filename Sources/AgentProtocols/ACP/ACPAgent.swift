import CarrelKit

/// The agent side of the Agent Client Protocol, version 1, for one client; and the status RPC beside
/// it. agentclientprotocol.com has the protocol.
@ControlActor package final class ACPAgent: RPCService {
  package nonisolated static let protocolVersion = 1

  private let desk: any AgentDesk
  private let connection: RPCConnection
  private let version: String
  private let status: StatusService
  /// The client's capabilities; nil before `initialize`.
  private var client: JSONValue?
  private var sessions: [String: ACPSession] = [:]
  private var watch: Task<Void, Never>?

  /// - Parameter version: Carrel's, for the client to show.
  package init(desk: any AgentDesk, connection: RPCConnection, version: String) {
    self.desk = desk
    self.connection = connection
    self.version = version
    status = StatusService(desk: desk, connection: connection, version: version)
    let events = desk.modelEvents()
    watch = Task { @ControlActor [weak self] in
      for await event in events { self?.take(event) }
    }
  }

  deinit { watch?.cancel() }

  /// Serves a client until it is gone.
  package static func serve(
    _ desk: any AgentDesk, on connection: RPCConnection, version: String
  ) async {
    let agent = ACPAgent(desk: desk, connection: connection, version: version)
    await connection.serve(agent)
  }

  package func endOfInput() {
    watch?.cancel()
    for session in sessions.values { session.cancel() }
    status.endOfInput()
  }

  private func take(_ event: ModelEvent) {
    let isAwaited = sessions.values.contains { $0.awaited == .model(event.id) }
    for session in sessions.values { session.take(event, isAwaited: isAwaited) }
    status.take(event)
  }

  // MARK: Methods

  package func receive(_ call: RPCCall, _ reply: RPCReply?) {
    do throws(RPCError) {
      let params = try RPCParameters(call.params)
      guard let reply else { return try notice(call.method, params) }
      if call.method.hasPrefix("_carrel/") {
        return try status.receive(call.method, params, reply)
      }
      try receive(call.method, params, reply)
    } catch {
      reply?.fail(error)
    }
  }

  private func notice(_ method: String, _ params: RPCParameters) throws(RPCError) {
    switch method {
    case "session/cancel": sessions[try params.string("sessionId")]?.cancel()
    case "$/cancel_request":
      if let id = params.members["requestId"].flatMap(RPCID.init) { connection.cancel(id) }
    default: break
    }
  }

  private func receive(
    _ method: String, _ params: RPCParameters, _ reply: RPCReply
  ) throws(RPCError) {
    if method == "initialize" { return try initialize(params, reply) }
    guard Self.methods.contains(method) else {
      throw RPCError(.methodNotFound, "There is no method \(method.prefix(100)).")
    }
    guard client != nil else {
      throw RPCError(.invalidRequest, "The first request must be initialize.")
    }
    switch method {
    case "authenticate":
      throw RPCError(.invalidParameters, "methodId: there is nothing to authenticate with.")
    case "session/new": try newSession(params, reply)
    case "session/load": try restore(params, reply, replaying: true)
    case "session/resume": try restore(params, reply, replaying: false)
    case "session/list": try list(params, reply)
    case "session/delete": try delete(params, reply)
    case "session/close":
      let session = try session(params)
      session.cancel()
      sessions[session.id] = nil
      reply.succeed([:])
    case "session/prompt":
      let session = try session(params)
      session.prompt(try ACPPrompt(params.array("prompt")), reply)
    case "session/set_mode":
      let session = try session(params)
      try session.configuration.setMode(params.string("modeId"))
      reply.succeed([:])
      session.sendOptions()
    case "session/set_config_option": try setOption(params, reply)
    default: throw RPCError(.methodNotFound, "There is no method \(method.prefix(100)).")
    }
  }

  private nonisolated static let methods: Set<String> = [
    "initialize", "authenticate", "session/new", "session/load", "session/resume", "session/list",
    "session/delete", "session/close", "session/prompt", "session/set_mode",
    "session/set_config_option",
  ]

  private func initialize(_ params: RPCParameters, _ reply: RPCReply) throws(RPCError) {
    _ = try params.integer("protocolVersion", 0...65535)
    let capabilities = try params.optionalObject("clientCapabilities")
    client = .object(capabilities ?? [:])
    // A version we lack is answered with ours; the client decides whether to go on.
    reply.succeed([
      "protocolVersion": .integer(Self.protocolVersion),
      "agentInfo": ["name": "carrel", "title": "Carrel", "version": .string(version)],
      "authMethods": [],
      "agentCapabilities": [
        "loadSession": true,
        "promptCapabilities": ["image": false, "audio": false, "embeddedContext": true],
        "mcpCapabilities": ["http": false, "sse": false],
        "sessionCapabilities": ["list": [:], "delete": [:], "resume": [:], "close": [:]],
        "_meta": ["carrel": ["methods": .array(StatusService.methods.map { .string($0) })]],
      ],
    ])
  }

  private func session(_ params: RPCParameters) throws(RPCError) -> ACPSession {
    let id = try params.string("sessionId")
    guard let session = sessions[id] else { throw Self.unknown(id) }
    return session
  }

  private nonisolated static func unknown(_ id: String) -> RPCError {
    RPCError(
      .notFound, "There is no session \(id.prefix(100)); session/list names those that are kept.")
  }

  private func setOption(_ params: RPCParameters, _ reply: RPCReply) throws(RPCError) {
    let session = try session(params)
    guard let value = params.members["value"] else {
      throw RPCParameters.wrong("value", "a string", nil)
    }
    let mode = session.configuration.mode
    try session.configuration.set(params.string("configId"), to: value)
    reply.succeed(["configOptions": session.configuration.optionsJSON])
    if session.configuration.mode != mode { session.sendMode() }
  }

  // MARK: Sessions

  private func newSession(_ params: RPCParameters, _ reply: RPCReply) throws(RPCError) {
    let folder = try params.absolutePath("cwd")
    _ = try params.array("mcpServers")
    let id = desk.newConversationID()
    Task { @ControlActor in
      let session = await self.makeSession(id, folder, hasTurns: false)
      reply.succeed(session.state.adding(["sessionId": .string(id)]))
      session.sendCommands()
    }
  }

  private func makeSession(_ id: String, _ folder: String, hasTurns: Bool) async -> ACPSession {
    let models = await Self.answeringModels(desk)
    let takesBooleans = client?["session"]?["configOptions"]?["boolean"] != nil
    let session = ACPSession(
      id: id, folder: folder,
      configuration: ACPConfiguration(models: models, takesBooleans: takesBooleans),
      hasTurns: hasTurns, desk: desk, connection: connection)
    // One that is open already is closed: its options are the client's to set again.
    sessions[id]?.cancel()
    sessions[id] = session
    return session
  }

  /// Reads the models' folder: not on the control actor.
  private nonisolated static func answeringModels(_ desk: any AgentDesk) async -> [String] {
    let models = (try? desk.models()) ?? []
    return models.filter { $0.role == "generate" && $0.path != nil && $0.problem == nil }.map(\.id)
  }

  private func restore(
    _ params: RPCParameters, _ reply: RPCReply, replaying: Bool
  ) throws(RPCError) {
    let id = try params.string("sessionId")
    let folder = try params.absolutePath("cwd")
    if replaying { _ = try params.array("mcpServers") }
    Task { @ControlActor in
      // Only whole ids: a beginning that fits several must not decide what is shown.
      guard let transcript = try? await self.desk.transcript(id), transcript.session.id == id else {
        return reply.fail(Self.unknown(id))
      }
      let session = await self.makeSession(id, folder, hasTurns: true)
      if replaying { for update in ACPHistory.updates(transcript) { session.send(update) } }
      reply.succeed(session.state)
      session.sendCommands()
    }
  }

  private func list(_ params: RPCParameters, _ reply: RPCReply) throws(RPCError) {
    let folder = try params.optionalString("cwd") == nil ? nil : params.absolutePath("cwd")
    let cursor = try params.optionalString("cursor")
    Task { @ControlActor in
      do {
        let all = try await self.desk.sessions().filter { folder == nil || $0.folder == folder }
        reply.succeed(try ACPSessionList.page(all, after: cursor))
      } catch {
        reply.fail(RPCError(useCase: error))
      }
    }
  }

  private func delete(_ params: RPCParameters, _ reply: RPCReply) throws(RPCError) {
    let id = try params.string("sessionId")
    let open = sessions.removeValue(forKey: id)
    open?.cancel()
    Task { @ControlActor in
      // A turn that is still ending would keep what it says.
      await open?.end()
      do {
        let kept = try await self.desk.sessions()
        if kept.contains(where: { $0.id == id }) { _ = try await self.desk.removeSession(id) }
        reply.succeed([:])
      } catch {
        reply.fail(RPCError(useCase: error))
      }
    }
  }
}

extension ACPSession {
  /// Modes and options, as the answers to `session/new` and the like have them.
  var state: JSONValue {
    ["modes": configuration.modesJSON, "configOptions": configuration.optionsJSON]
  }

  func sendCommands() {
    send([
      "sessionUpdate": "available_commands_update", "availableCommands": ACPCommand.json,
    ])
  }

  func sendOptions() {
    send(["sessionUpdate": "config_option_update", "configOptions": configuration.optionsJSON])
  }

  func sendMode() {
    send([
      "sessionUpdate": "current_mode_update",
      "currentModeId": .string(configuration.mode.rawValue),
    ])
  }
}
