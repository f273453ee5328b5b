/// Keeps the turns of one session while they happen. A store that fails (disk full, file locked by
/// another program) never costs the answer: the user is told once, and the rest goes on unkept.
struct SessionRecorder {
  let id: String
  let folder: String
  private let store: SessionStore
  private var turn: Int?
  private var text = ""
  private var sources: [Source] = []
  private var written = ContinuousClock.now
  private var hasComplained = false
  /// How long pieces of an answer may wait: what `kill -9` can lose of it.
  static let interval = Duration.milliseconds(500)

  init(store: SessionStore, id: String, folder: String) {
    self.store = store
    self.id = id
    self.folder = folder
  }

  /// Each of these returns a sentence for the user where keeping begins to fail.
  mutating func begin(_ question: String, model: String, settings: TurnSettings) -> String? {
    text = ""
    sources = []
    turn = nil
    written = .now
    return trying { recorder in
      recorder.turn = try recorder.store.begin(
        session: recorder.id, folder: recorder.folder, question: question, model: model,
        settings: settings)
    }
  }

  mutating func take(_ event: GenerationEvent) -> String? {
    switch event {
    case .text(let piece): text += piece
    case .retrieved(let new): sources = new
    default: return nil
    }
    guard let turn, ContinuousClock.now - written >= Self.interval else { return nil }
    written = .now
    return trying { recorder in
      try recorder.store.update(
        session: recorder.id, turn: turn, answer: recorder.text, sources: recorder.sources)
    }
  }

  /// - Returns: the turn's number in the store, nil where it could not be kept.
  mutating func finish(_ answer: Answer, prompt: String?) -> (turn: Int?, complaint: String?) {
    guard let turn else { return (nil, nil) }
    let complaint = trying { recorder in
      try recorder.store.finish(session: recorder.id, turn: turn, answer, prompt: prompt)
    }
    return (turn, complaint)
  }

  mutating func fail(_ error: any Error) {
    guard let turn else { return }
    _ = trying { recorder in
      try recorder.store.fail(
        session: recorder.id, turn: turn, because: String(describing: error))
    }
  }

  mutating func remove(turn: Int) {
    _ = trying { try $0.store.remove(session: $0.id, turn: turn) }
  }

  /// Whether the session is still there: another hand may have removed it. A store that cannot be
  /// asked counts as yes.
  var isKept: Bool { (try? store.has(id)) ?? true }

  /// The same store under another id: a conversation begun anew.
  func renamed(_ id: String) -> SessionRecorder {
    SessionRecorder(store: store, id: id, folder: folder)
  }

  private mutating func trying(_ work: (inout SessionRecorder) throws -> Void) -> String? {
    do {
      try work(&self)
      return nil
    } catch {
      defer { hasComplained = true }
      return hasComplained ? nil : "This conversation is not being kept: \(error)"
    }
  }
}
