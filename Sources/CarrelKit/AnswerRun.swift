import Conversation
import Retrieval

/// One answer while it is made: passes events on, keeps what `Answer` needs.
struct AnswerRun {
  /// Who answers, and why.
  var route: Route
  let emit: @Sendable (GenerationEvent) -> Void
  var stats = AnswerStats()
  var prompt: PromptContents?
  private(set) var text = ""
  private(set) var notices: [String] = []
  /// Why the decoder ended the answer; nil while it has not.
  private(set) var stop: AnswerStop?
  private var thought = false
  private var citations: [Citation] = []
  private var check: AnswerCheck?
  private var agreement = CitationAgreement()
  /// What the index was searched for first.
  var searched: SearchedFor?
  /// The call the model waits for; set when a decoder ends with one.
  private(set) var pendingCall: ToolCall?
  /// Watches the answer for a call of `gptoss.generate`; nil where it is not offered.
  var handOverReader: HandOverReader?
  /// The call, once the model made it.
  var handOver: HandOver?
  /// Passages the answer may cite, in order of their numbers.
  private(set) var sources: [Source] = []

  init(route: Route, emit: @escaping @Sendable (GenerationEvent) -> Void) {
    self.route = route
    self.emit = emit
  }

  mutating func say(_ notice: String) {
    notices.append(notice)
    emit(.notice(notice))
  }

  mutating func take(_ event: ResponseEvent) {
    switch event {
    case .thinking(let piece):
      thought = true
      emit(.thinking(piece, tokens: stats.generatedTokens))
    case .commentary(let piece): emit(.commentary(piece))
    case .text(let piece):
      guard let passed = handOverReader?.feed(piece) else { return write(piece) }
      handOver = passed.call
      write(passed.text)
    case .toolCall(let call): pendingCall = call
    case .notice(let sentence): say(sentence)
    case .end(let reason): stop = AnswerStop(reason)
    }
  }

  private mutating func write(_ piece: String) {
    guard !piece.isEmpty else { return }
    text += piece
    emit(.text(piece))
  }

  /// The model has written all it will: text held back as the beginning of a call comes out.
  mutating func endHandOver() {
    guard let rest = handOverReader?.finish() else { return }
    handOverReader = nil
    handOver = handOver ?? rest.call
    write(rest.text)
  }

  /// Another model begins anew with the same passages.
  mutating func startOver() { sources = [] }

  /// Numbers passages after those there are, and reports them all.
  mutating func add(_ new: [Source]) {
    guard !new.isEmpty else { return }
    sources += new
    emit(.retrieved(sources))
  }

  /// Hands over the call the model waits for.
  mutating func takeCall() -> ToolCall? {
    defer { pendingCall = nil }
    return pendingCall
  }

  mutating func count(_ recoveries: [HarmonyRecovery: Int]) {
    for (kind, times) in recoveries { stats.recoveries[kind.rawValue, default: 0] += times }
  }

  /// Reads the citations, and keeps two promises: something generated is never met with silence,
  /// and an answer the passages do not bear out is not left standing without a word.
  mutating func finish(_ stop: AnswerStop, question: String) {
    let read = CitationReader.read(text, sources: sources)
    citations = read.citations
    if !sources.isEmpty { check = read.check }
    agreement = read.agreement
    if read.unknown > 0 {
      say(
        "\(read.unknown) citation\(read.unknown == 1 ? "" : "s") named no source and "
          + (read.unknown == 1 ? "was" : "were") + " dropped.")
    }
    if !sources.isEmpty, stop != .cancelled {
      for doubt in CitationReader.doubts(about: text, read) { say(doubt) }
      let isBorneOut = citations.contains(where: \.supported) || text.allSatisfy(\.isWhitespace)
      if !isBorneOut, let nearest = CitationReader.nearest(to: question, in: sources) {
        say("Nearest to the question: \(nearest)")
      }
    }
    guard text.allSatisfy(\.isWhitespace), notices.isEmpty else { return }
    if thought {
      say("The model only thought (\(stats.generatedTokens) tokens) and gave no answer.")
    } else if stats.generatedTokens > 0 {
      say("The model ended its turn without an answer. Ask again, or in other words.")
    }
  }

  /// Adds to the citations that were read how near in meaning they are; without an embedder nothing.
  mutating func compare(using embedder: (any Embedder)?) async {
    guard let embedder, var counted = check else { return }
    await agreement.write(to: &citations, &counted, using: embedder)
    check = counted
  }

  func answer(stop: AnswerStop) -> Answer {
    var stats = stats
    stats.peakMemoryBytes = ResidentMemory.peak()
    return Answer(
      text: text, citations: citations, sources: sources, model: route.choice, route: route,
      stop: stop, notices: notices, stats: stats, searched: searched, check: check,
      prompt: prompt)
  }
}

extension AnswerStop {
  init(_ reason: StopReason) {
    switch reason {
    case .endOfTurn, .stopString, .fault: self = .endOfTurn
    case .toolCall: self = .toolCall
    case .maximumTokens: self = .maximumTokens
    case .contextFull: self = .contextFull
    case .cancelled: self = .cancelled
    }
  }
}
