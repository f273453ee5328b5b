import Registry

/// Who answers: a network in this process, or a server the user configured.
enum Answerer: Sendable {
  case local(ModelChoice)
  case remote(RemoteEndpoint, reason: String)

  var id: String {
    switch self {
    case .local(let choice): choice.id
    case .remote(let endpoint, _): endpoint.id
    }
  }

  /// Tokens of its window.
  var context: Int {
    switch self {
    case .local(let choice): choice.context
    case .remote(let endpoint, _): endpoint.context
    }
  }

  var route: Route {
    switch self {
    case .local(let choice): choice.route
    case .remote(let endpoint, let reason):
      Route(
        choice: endpoint.id, reason: reason,
        host: endpoint.leavesMachine ? endpoint.url.host : nil)
    }
  }
}

extension Answerer {
  /// Whether an error of this one's is a reason to ask the next: it could not be loaded or reached.
  /// A prompt that does not fit would not fit the next one either.
  func mayBePassedOver(_ error: any Error) -> Bool {
    switch error {
    case let error as CarrelError: error.code != .usage && error.code != .interrupted
    case is CancellationError: false
    default: true
    }
  }
}

/// What there is to route between, looked up anew for each question: models come and go.
struct RoutingTable {
  let router: Router
  private let models: [InstalledModel]
  private let endpoints: [RemoteEndpoint]
  let settings: WorkspaceSettings
  private let registry: ModelRegistry
  /// What is in memory.
  private let ledger: ModelLedger

  init(_ settings: WorkspaceSettings, _ host: ModelHost) throws {
    self.settings = settings
    registry = try ModelRegistry(modelsFolder: settings.models)
    ledger = host.ledger(registry)
    let ready = host.loaded
    endpoints = try RemoteEndpoint.configured(inFolder: settings.models)
    models = registry.candidates(for: .generate)
    let (settings, ledger, registry) = (settings, ledger, registry)
    let local = models.map { model in
      let isReady = ready.contains(model.id)
      return Router.Candidate(
        id: model.id, aliases: model.aliases, rank: model.rank, weightBytes: model.sizeBytes,
        fits: isReady || (try? ModelChoice.decoder(model.id, settings, registry, ledger)) != nil,
        isReady: isReady)
    }
    let remote = endpoints.map { endpoint in
      Router.Candidate(
        id: endpoint.id, rank: endpoint.rank, weightBytes: 0, fits: true, isReady: true)
    }
    router = Router(local + remote)
  }

  /// Whether there is anything to decide.
  var isChoice: Bool { router.small?.id != router.large?.id }

  /// What the gate says of a model, or which one it would take.
  func choice(_ id: String?) throws -> ModelChoice {
    try ModelChoice.decoder(id, settings, registry, ledger)
  }

  /// - Parameter reason: why this one, in words; nil takes the gate's.
  func answerer(_ id: String, reason: String?) throws -> Answerer {
    if let endpoint = endpoints.first(where: { $0.id == id }) {
      return .remote(endpoint, reason: reason ?? "asked for by name")
    }
    let choice = try choice(id)
    guard let reason else { return .local(choice) }
    return .local(choice.because(reason))
  }
}

extension ModelChoice {
  func because(_ reason: String) -> ModelChoice {
    var choice = self
    choice.route = Route(choice: id, reason: reason)
    return choice
  }
}
