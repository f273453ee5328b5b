import CarrelKit
import Synchronization
import Terminal
import carrel

/// A workspace without models: answers are made of the question, documents are two.
final class FakeDesk: Desk {
  let conversation = FakeConversation()
  let failure: CarrelError?
  /// Nothing installed, nothing indexed.
  let isBare: Bool
  let removed = Mutex<[String]>([])
  let pulled = Mutex<[String]>([])
  let indexed = Mutex<[String]>([])
  /// The ids conversations were to be kept under.
  let opened = Mutex<[String?]>([])
  /// Answers instead of `conversation`.
  let other: (any Conversing)?
  init(failure: CarrelError? = nil, isBare: Bool = false, other: (any Conversing)? = nil) {
    self.other = other
    self.failure = failure
    self.isBare = isBare
  }

  private func events(_ summary: IndexingSummary) -> AsyncThrowingStream<IndexingEvent, any Error> {
    AsyncThrowingStream {
      $0.yield(.scanning(found: 2))
      $0.yield(.progress(.zero))
      $0.yield(.finished(summary))
      $0.finish()
    }
  }

  func addToIndex(_ paths: [String]) -> AsyncThrowingStream<IndexingEvent, any Error> {
    indexed.withLock { $0 += paths }
    var summary = IndexingSummary.zero
    summary.added = paths.count
    summary.chunks = 12
    summary.bytes = 2048
    summary.seconds = 1.5
    return events(summary)
  }
  func refreshIndex() -> AsyncThrowingStream<IndexingEvent, any Error> { events(.zero) }
  func rebuildIndex() -> AsyncThrowingStream<IndexingEvent, any Error> {
    AsyncThrowingStream {
      $0.yield(.merging(done: 0, total: 1200))
      $0.yield(.merging(done: 250, total: 1200))
      $0.yield(.finished(.zero))
      $0.finish()
    }
  }
  func removeFromIndex(_ paths: [String]) async throws -> Int { paths.count }
  func indexReport(checkingDisk: Bool) async throws -> IndexReport {
    if isBare { throw CarrelError(.failed, "There is no index.") }
    return IndexReport(
      path: "/i/index.db", files: 2, chunks: 12, stale: 1, bytes: 4096, embedder: "mini")
  }
  func verifyIndex() async throws -> [String] { failure == nil ? [] : ["one row is gone"] }
  func search(_ query: String, limit: Int, sides: SearchSides, scope: SearchScope) async throws
    -> SearchReport
  {
    if let failure { throw failure }
    let passing = Self.hits.filter { hit in
      scope.types.isEmpty || scope.types.contains { hit.path.hasSuffix("." + $0) }
    }
    return SearchReport(
      query: query, sides: sides, hits: passing, seconds: 0.01, scope: scope,
      filesInScope: scope == .all ? nil : passing.count)
  }
  func embed(_ texts: [String]) async throws -> [[Float]] { texts.map { [Float($0.count), 0.5] } }
  func models() throws -> [ModelListing] {
    [
      ModelListing(id: "mini", role: "generate", path: isBare ? nil : "/m/mini.gguf"),
      ModelListing(id: "vectors", role: "embed", path: isBare ? nil : "/m/vectors"),
    ]
  }
  func modelStates() async -> [ModelStatus] { [] }
  func unload(_ id: String?) async -> [String] { id == "other" ? [] : ["mini"] }
  func fetchable() throws -> [FetchableModel] {
    [
      FetchableModel(fetching: "huge", bytes: 60 << 30, needBytes: 66 << 30, fits: false),
      FetchableModel(fetching: "large", bytes: 12 << 30, needBytes: 13 << 30, fits: true),
      FetchableModel(fetching: "larger", bytes: 11 << 30, needBytes: 12 << 30, fits: true),
      FetchableModel(fetching: "middle", bytes: 2 << 30, needBytes: 3 << 30, fits: true),
      FetchableModel(fetching: "small", bytes: 600 << 20, needBytes: 900 << 20, fits: true),
    ]
  }
  func previewIndexing(_ folder: String, seconds: Double) async throws -> IndexPreview {
    IndexPreview(of: "/home/me/notes", kinds: [(".md", 120, 900 << 10), (".txt", 3, 2048)])
  }
  func sessions() async throws -> [SessionSummary] { [] }
  func transcript(_ id: String) async throws -> SessionTranscript {
    throw CarrelError(.failed, "There is no session \(id).")
  }
  func exportSession(_ id: String, as format: SessionFormat) async throws -> String {
    throw CarrelError(.failed, "There is no session \(id).")
  }
  func removeSession(_ id: String) async throws -> String {
    throw CarrelError(.failed, "There is no session \(id).")
  }
  func resumeConversation(_ id: String, model: String?) async throws -> any Conversing {
    throw CarrelError(.failed, "There is no session \(id).")
  }
  func why() throws -> GateReport { throw CarrelError(.failed, "no gate here") }
  func verifyModel(_ name: String, progress: ((_ done: Int, _ total: Int) -> Bool)?) throws
    -> [(file: String, sha256: String, wasExpected: Bool)]
  {
    if name != "fake" { throw CarrelError(.notInstalled, "There is no model \(name).") }
    return [("weights", "abc", true)]
  }
  func removalPlan(_ id: String) throws -> (files: [String], bytes: Int) {
    if id != "fake" { throw CarrelError(.notInstalled, "No model \(id) is installed.") }
    return (["/models/fake/w.gguf"], 2048)
  }
  func removeModel(_ id: String) async throws -> Int {
    removed.withLock { $0.append(id) }
    return 2048
  }
  func pull(_ name: String) -> AsyncThrowingStream<PullEvent, any Error> {
    pulled.withLock { $0.append(name) }
    return AsyncThrowingStream { continuation in
      let plan = PullPlan(
        page: "hub/\(name)", commit: "c0ffee", files: [PullPlan.File(path: "w.gguf", bytes: 2048)],
        totalBytes: 2048, bytesToFetch: 1024, notice: nil)
      continuation.yield(.planned(plan))
      continuation.yield(.progress(bytes: 2048, total: 2048, rate: nil, secondsLeft: 0))
      continuation.yield(.verifying(bytes: 2048, total: 2048))
      continuation.yield(.finished(folder: "/cache/\(name)"))
      continuation.finish()
    }
  }
  func status() async throws -> WorkspaceStatus { throw CarrelError(.failed, "no card here") }
  func benchmark(_ kind: BenchmarkKind, runs: Int, folder: String?) async throws -> [BenchmarkRow] {
    []
  }
  func measureMemory(
    _ name: String?, tokens: Int?, progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void
  ) async throws -> MemoryMeasurement { throw CarrelError(.failed, "no model here") }
  func evaluateRetrieval(
    folder: String, split: String?,
    progress: (@Sendable (_ stage: String, _ done: Int, _ total: Int) -> Void)?
  ) async throws -> RetrievalScores { throw CarrelError(.failed, "no test set here") }
  func openConversation(model: String?, keptAs id: String?) async throws -> any Conversing {
    if let failure { throw failure }
    opened.withLock { $0.append(id) }
    return other ?? conversation
  }

  static let hits = [
    SearchReport.Hit(
      rank: 1, path: "docs/a \u{1B}[31m.md", lines: 3...9, bytes: 40..<90, score: 0.5,
      lexicalRank: 1,
      semanticRank: nil, text: "first\n\n\u{1B}]0;evil\u{07}second")
  ]
}

final class FakeConversation: Conversing {
  let modelID = "fake"
  let context = 4096
  let asked = Mutex<[String]>([])

  static let source = Source(
    n: 1, path: "docs/a.md", startLine: 3, endLine: 9, startByte: 40, endByte: 90, text: "passage")

  func ask(_ question: String, options: AskOptions, stop: StopFlag)
    -> AsyncThrowingStream<GenerationEvent, any Error>
  {
    asked.withLock { $0.append(question) }
    return AsyncThrowingStream {
      $0.yield(.routed(Route(choosing: "fake", because: "it is the only one")))
      $0.yield(.retrieving(query: question))
      $0.yield(.retrieved([Self.source]))
      $0.yield(.prefill(done: 10, total: 10))
      $0.yield(.thinking("hm ", tokens: 3))
      $0.yield(.text("\n\n"))
      $0.yield(.text("You asked: "))
      $0.yield(.text(question + "\u{1B}[2J [1]\n"))
      $0.yield(.done(Self.answer("You asked: " + question + "\u{1B}[2J [1]")))
      $0.finish()
    }
  }
  var keptID: String? { nil }
  func setKept(_ isKept: Bool) async throws {}
  func warm(stop: StopFlag) async throws {}
  func reset() async { asked.withLock { $0 = [] } }
  func undo() async -> String? { asked.withLock { $0.popLast() } }

  static func answer(_ text: String) -> Answer {
    var stats = AnswerStats.zero
    stats.promptTokens = 812
    stats.cachedTokens = 600
    stats.generatedTokens = 64
    stats.prefillTokensPerSecond = 190.4
    stats.decodeTokensPerSecond = 22.25
    stats.peakMemoryBytes = 1 << 28
    return Answer(
      saying: text,
      citations: [
        Citation(
          n: 1, path: "docs/a.md", lines: 3...9, bytes: 40..<90, quote: "q", supported: false)
      ],
      sources: [source], model: "fake",
      route: Route(choosing: "fake", because: "it is the only one"),
      notices: ["a note"], stats: stats)
  }
}

/// What went to standard output and standard error.
final class Capture: Sendable {
  private let texts = Mutex((out: "", error: ""))
  var out: String { texts.withLock { $0.out } }
  var error: String { texts.withLock { $0.error } }

  func console(
    columns: Int? = nil, style: Style = .none, quiet: Bool = false,
    status: StatusLine = StatusLine(isLive: false, isSilent: true)
  ) -> Console {
    Console(
      out: { [self] text in texts.withLock { $0.out += text } },
      error: { [self] text in texts.withLock { $0.error += text } },
      style: style, errorStyle: style, columns: { columns }, isQuiet: quiet, status: status)
  }
}

/// Lines given in advance.
@MainActor final class ScriptedLines: LineSource {
  let isInteractive: Bool
  var events: [LineEditor.Event]
  var prefilled: [String] = []

  init(_ events: [LineEditor.Event], isInteractive: Bool) {
    self.events = events
    self.isInteractive = isInteractive
  }

  convenience init(lines: [String], isInteractive: Bool = true) {
    self.init(lines.map { .submitted($0) }, isInteractive: isInteractive)
  }

  func next(prompt: String, text: String) -> LineEditor.Event {
    prefilled.append(text)
    return events.isEmpty ? .endOfInput : events.removeFirst()
  }
}
