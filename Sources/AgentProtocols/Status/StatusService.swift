import CarrelKit

/// What a status card needs, beside ACP on the same connection: `_carrel/status`, `_carrel/models`,
/// `_carrel/load`, `_carrel/unload`, `_carrel/pull`.
///
/// A status asked for with `subscribe: true` is followed by a `_carrel/model` notification for every
/// step of a model. Fetching reports itself as `_carrel/pull/progress`.
@ControlActor final class StatusService {
  nonisolated static let methods = [
    "_carrel/status", "_carrel/models", "_carrel/load", "_carrel/unload", "_carrel/pull",
  ]

  private let desk: any AgentDesk
  private let connection: RPCConnection
  private let version: String
  private var isSubscribed = false
  private var pulls: [RPCID: Task<Void, Never>] = [:]

  init(desk: any AgentDesk, connection: RPCConnection, version: String) {
    self.desk = desk
    self.connection = connection
    self.version = version
  }

  func endOfInput() {
    for pull in pulls.values { pull.cancel() }
  }

  func take(_ event: ModelEvent) {
    guard isSubscribed else { return }
    var params = StatusForms.state(event.to)
    params["id"] = .string(event.id)
    params["reason"] = .string(event.reason)
    connection.notify("_carrel/model", .object(params))
  }

  func receive(
    _ method: String, _ params: RPCParameters, _ reply: RPCReply
  ) throws(RPCError) {
    let desk = desk
    let version = version
    switch method {
    case "_carrel/status":
      if let subscribe = try params.optionalBool("subscribe") { isSubscribed = subscribe }
      answer(reply) {
        StatusForms.status(
          try await desk.status(), await desk.modelStates(), version: version)
      }
    case "_carrel/models":
      answer(reply) { ["models": StatusForms.models(try desk.models(), await desk.modelStates())] }
    case "_carrel/load":
      let id = try params.string("model")
      answer(reply) {
        try await desk.load(id)
        return try await Self.model(id, desk)
      }
    case "_carrel/unload":
      let id = try params.optionalString("model")
      answer(reply) {
        ["unloaded": .array(await desk.unload(id).map { .string($0) })]
      }
    case "_carrel/pull": pull(try params.string("model"), reply)
    default: throw RPCError(.methodNotFound, "There is no method \(method.prefix(100)).")
    }
  }

  /// Models are read and loaded away from the control actor.
  private func answer(
    _ reply: RPCReply, _ body: @escaping @Sendable () async throws -> JSONValue
  ) {
    Task.detached {
      do { reply.succeed(try await body()) } catch { reply.fail(RPCError(useCase: error)) }
    }
  }

  /// The model that was loaded; an alias or a path is not found again by its name.
  private nonisolated static func model(
    _ id: String, _ desk: any AgentDesk
  ) async throws -> JSONValue {
    let states = await desk.modelStates()
    let listing = try desk.models().filter { $0.id == id }
    return [
      "model": StatusForms.models(listing, states).array?.first ?? [
        "id": .string(id), "state": "ready",
      ]
    ]
  }

  // MARK: Fetching

  private func pull(_ name: String, _ reply: RPCReply) {
    let id = reply.id
    let task = Task { @ControlActor in
      defer { self.pulls[id] = nil }
      do {
        var gate = ProgressGate()
        var folder: String?
        for try await event in self.desk.pull(name) {
          if case .finished(let path) = event { folder = path }
          guard let progress = Self.progress(event) else { continue }
          // Steps are always told, figures at most ten times a second.
          let isFigure = progress["done"] != nil
          if !isFigure || gate.opens() {
            self.connection.notify(
              "_carrel/pull/progress", progress.adding(["model": .string(name)]))
          }
        }
        try Task.checkCancellation()
        reply.succeed(["model": .string(name), "folder": .optional(folder)])
      } catch is CancellationError {
        reply.fail(RPCError(.cancelled, "Stopped; what came is kept."))
      } catch {
        reply.fail(RPCError(useCase: error))
      }
    }
    pulls[id] = task
    reply.onCancel { task.cancel() }
  }

  private nonisolated static func progress(_ event: PullEvent) -> JSONValue? {
    switch event {
    case .planned(let plan):
      [
        "phase": "planned", "page": .string(plan.page), "totalBytes": .integer(plan.totalBytes),
        "bytesToFetch": .integer(plan.bytesToFetch),
      ]
    case .progress(let bytes, let total, let rate, let left):
      [
        "phase": "downloading", "done": .integer(bytes), "total": .integer(total),
        "bytesPerSecond": rate.map { .number($0) }, "secondsLeft": left.map { .number($0) },
      ]
    case .waiting(let why): ["phase": "waiting", "message": .string(why)]
    case .verifying(let bytes, let total):
      ["phase": "verifying", "done": .integer(bytes), "total": .integer(total)]
    case .finished: nil
    }
  }
}
