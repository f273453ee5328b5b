import FoundationEssentials

extension SessionTranscript {
  /// One JSON document on one line; keys in alphabetical order.
  public var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      encoder.dateEncodingStrategy = .iso8601
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }

  /// The conversation as a document to read: a heading for each question, the answer, its sources
  /// with path and lines, and how it came about.
  public var markdown: String {
    var text = "# \(Self.line(session.title))\n\nSession \(session.id), "
    text += "\(Self.moment(session.created)) to \(Self.moment(session.updated)).\n"
    for turn in turns {
      text += "\n## \(Self.line(turn.question))\n\n"
      if turn.question.contains(where: \.isNewline) { text += Self.quoted(turn.question) + "\n\n" }
      let answer = CitationMarker.marked(turn.answer, sources: turn.sources)
      switch turn.state {
      case .open:
        text += answer.isEmpty ? "*Never answered.*\n" : answer + "\n\n*Cut off.*\n"
      case .failed: text += "*No answer: \(turn.notices.joined(separator: " "))*\n"
      case .done: text += (answer.isEmpty ? "*No answer.*" : answer) + "\n"
      }
      if !turn.sources.isEmpty { text += "\n" }
      for source in turn.sources {
        text += "- [\(source.n)] `\(source.path):\(source.startLine)-\(source.endLine)`"
        let isDoubtful = turn.citations.contains {
          $0.n == source.n && $0.writtenByModel && !$0.supported
        }
        text += isDoubtful ? " (does not bear out what it is cited for)\n" : "\n"
      }
      if turn.state == .done {
        for notice in turn.notices { text += "\n> \(Self.line(notice))\n" }
        text += "\n*\(closing(turn))*\n"
      }
    }
    return text
  }

  private func closing(_ turn: SessionTurn) -> String {
    let stats = turn.stats
    var text = turn.model
    if let route = turn.route { text += " (\(Self.line(route.reason)))" }
    text += ", \(Self.moment(turn.asked))"
    guard stats.promptTokens > 0 else { return text }
    text += ": \(stats.promptTokens) tokens of prompt, \(stats.cachedTokens) of them reused, "
    text += "\(stats.generatedTokens) written"
    if stats.decodeTokensPerSecond > 0,
      let rate = Int(exactly: stats.decodeTokensPerSecond.rounded())
    {
      text += " at \(rate)/s"
    }
    return turn.stop == .cancelled ? text + "; stopped" : text
  }

  private static func line(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).joined(separator: " ")
  }

  private static func quoted(_ text: String) -> String {
    text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map { "> " + $0 }
      .joined(separator: "\n")
  }

  /// `2026-01-31 17:05 UTC`
  private static func moment(_ date: Date) -> String {
    let text = date.ISO8601Format()
    return text.prefix(10) + " " + text.dropFirst(11).prefix(5) + " UTC"
  }
}
