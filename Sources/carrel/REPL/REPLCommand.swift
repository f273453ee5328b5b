/// The commands of the prompt: one table for parsing, `/help` and completion.
package struct REPLCommand: Sendable {
  package enum Name: String, Sendable, CaseIterable {
    case help, model, models, pull, unload, why, status, index, search, sources, open, context
    case thinking, effort, set, retry, edit, undo, save, sessions, resume, clear, bye
  }
  package enum Group: String, Sendable, CaseIterable {
    case answers = "Answers"
    case documents = "Documents"
    case models = "Models"
    case session = "This session"
  }

  package let name: Name
  package let group: Group
  package let arguments: String
  package let summary: String
  package let example: String

  private init(
    _ name: Name, _ group: Group, _ arguments: String, _ summary: String, example: String
  ) {
    self.name = name
    self.group = group
    self.arguments = arguments
    self.summary = summary
    self.example = example
  }

  package static let all: [REPLCommand] = [
    .init(
      .sources, .answers, "", "the sources of the last answer, with their text", example: "/sources"
    ),
    .init(.open, .answers, "N", "the text around source N", example: "/open 1"),
    .init(.context, .answers, "", "what went into the last prompt, in tokens", example: "/context"),
    .init(.retry, .answers, "", "answer the last question again", example: "/retry"),
    .init(.edit, .answers, "", "change the last question and ask again", example: "/edit"),
    .init(.undo, .answers, "", "forget the last question and its answer", example: "/undo"),
    .init(.thinking, .answers, "on|off", "show what a model thinks first", example: "/thinking on"),
    .init(
      .effort, .answers, "low|medium|high", "how long gpt-oss thinks first", example: "/effort high"
    ),
    .init(
      .search, .documents, "QUERY", "find passages, without a model", example: "/search memory"),
    .init(
      .index, .documents, "[add|remove PATH…]",
      "the state of the index; also refresh, rebuild, verify",
      example: "/index add notes"),
    .init(.model, .models, "[ID]", "which model answers, or another one", example: "/model"),
    .init(.models, .models, "", "the models that are installed", example: "/models"),
    .init(
      .pull, .models, "ID", "fetch a model, resuming what was begun", example: "/pull gpt-oss-20b"),
    .init(
      .unload, .models, "[ID]", "give a model's memory back until the next question",
      example: "/unload"),
    .init(.why, .models, "", "why this model: the arithmetic of memory", example: "/why"),
    .init(.status, .session, "", "memory, models and index on one card", example: "/status"),
    .init(
      .set, .session, "[NAME [VALUE]]", "settings, for now; `default` takes a value back",
      example: "/set temperature 0.2"),
    .init(
      .save, .session, "[FILE]", "write the conversation as Markdown, or as JSON by its name",
      example: "/save talk.md"),
    .init(
      .sessions, .session, "[remove ID]", "the conversations that are kept", example: "/sessions"),
    .init(
      .resume, .session, "[ID|N]", "go on with a kept conversation, else with the latest other",
      example: "/resume 2"),
    .init(
      .clear, .session, "", "begin a new conversation; this one stays kept", example: "/clear"),
    .init(.help, .session, "", "these commands", example: "/help"),
    .init(.bye, .session, "", "leave (also Control-D)", example: "/bye"),
  ]

  private static let aliases = ["quit": Name.bye, "exit": .bye, "q": .bye, "h": .help, "?": .help]

  /// The command a line calls, with the rest of the line; nil when the line is a question.
  package enum Parsed: Sendable, Equatable {
    case command(Name, String)
    case unknown(String, suggestion: String?)
  }

  package static func parse(_ line: String) -> Parsed? {
    guard line.hasPrefix("/") else { return nil }
    let body = line.dropFirst()
    let word = String(body.prefix { !$0.isWhitespace })
    // A path at the beginning of a question is not a command.
    if word.contains("/") || word.isEmpty { return nil }
    let rest = trim(body.dropFirst(word.count))
    if let name = Name(rawValue: word.lowercased()) ?? aliases[word.lowercased()] {
      return .command(name, rest)
    }
    let nearest = Suggestion.nearest(to: word, among: Name.allCases.map(\.rawValue))
    return .unknown(word, suggestion: nearest)
  }

  static func trim(_ text: some StringProtocol) -> String {
    var result = text.drop { $0.isWhitespace }[...]
    while result.last?.isWhitespace == true { result.removeLast() }
    return String(result)
  }
}
