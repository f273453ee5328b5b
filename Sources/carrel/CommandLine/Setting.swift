import CarrelKit

/// Something that can be set for good in the settings file, for one run by an option, and for the
/// rest of a session by `/set`. The table of commands has them; nothing here lists them again.
package struct Setting: Sendable {
  package let option: OptionSpec

  package static let all = CommandTable.settings.map(Setting.init)

  /// The option's name without its dashes.
  package var name: String { String(option.name.dropFirst(2)) }
  /// What holds where nothing is said.
  package var standard: String { option.standard ?? "" }

  package static func named(_ name: String) -> Setting? { all.first { $0.name == name } }

  /// - Throws: `UsageError` for a value that makes no sense.
  package func check(_ value: String) throws(UsageError) {
    try CommandLineParser.check(value, option.kind, name: "`\(name)`", CommandTable.commands[0])
  }

  /// What may be given, for completion.
  package var choices: [String] {
    if case .choice(let choices) = option.kind { return choices }
    return []
  }
}

extension Invocation {
  /// The same with the lines of a settings file where neither options nor environment say otherwise.
  /// A line that makes no sense is left out and reported.
  package func completed(
    by file: SettingsFile, at path: String, environment: [String: String] = [:]
  ) -> (invocation: Invocation, problems: [String]) {
    var result = self
    var problems = file.problems.map { "\(path), line \($0.number): \($0.sentence)" }
    for line in file.lines {
      guard let setting = Setting.named(line.name) else {
        let nearest = Suggestion.nearest(to: line.name, among: Setting.all.map(\.name))
        problems.append(
          "\(path), line \(line.number): there is no setting `\(line.name)`"
            + (nearest.map { "; did you mean `\($0)`?" } ?? ""))
        continue
      }
      do { try setting.check(line.value) } catch {
        let sentence =
          error.message.hasSuffix(".") ? String(error.message.dropLast()) : error.message
        problems.append("\(path), line \(line.number): \(sentence)")
        continue
      }
      let variable = environment["CARREL_" + line.name.uppercased()] ?? ""
      let isTaken = (command.options + CommandTable.global).contains {
        $0.name == setting.option.name && $0.kind == setting.option.kind
      }
      guard isTaken, variable.isEmpty, !has(setting.option.name) else { continue }
      if line.name == "retrieval", has("--no-retrieval") { continue }
      let isPath = [.folder, .file, .model].contains(setting.option.kind)
      result.options[setting.option.name] = isPath ? Location.expand(line.value) : line.value
    }
    return (result, problems)
  }
}

extension AskOptions {
  /// What settings say about answers; values have been checked.
  package init(settings: [String: String]) {
    self.init()
    switch settings["retrieval"] {
    case "off": retrieval = .off
    case "preferred": retrieval = .preferred
    default: retrieval = .required
    }
    scope = SearchScope(settings: settings)
    if let value = settings["passages"].flatMap({ Int($0) }) { passages = value }
    maximumTokens = settings["max-tokens"].flatMap { Int($0) }
    temperature = settings["temperature"].flatMap { Float($0) }
    seed = settings["seed"].flatMap { UInt64($0) }
    if let value = settings["effort"].flatMap(Effort.init(rawValue:)) { effort = value }
  }
}

extension SearchScope {
  /// What settings say about the documents to search; values have been checked.
  package init(settings: [String: String]) {
    self.init(
      paths: settings["in"].map { [$0] } ?? [],
      types: settings["type"]?.split(separator: ",").map(String.init) ?? [],
      since: settings["since"].flatMap { Moment.parse($0) })
  }
}

extension WorkspaceSettings {
  /// What settings say about models and folders; values have been checked.
  package init(settings: [String: String], force: Bool, environment: [String: String]) {
    self = .resolve(
      models: settings["models"], index: settings["index"], environment: environment)
    threads = settings["threads"].flatMap { Int($0) }
    if let time = settings["keep-alive"].flatMap(Quantity.seconds) {
      keepAlive = time.isFinite ? time : nil
    }
    context = settings["context"].flatMap { Int($0) }
    seed = settings["seed"].flatMap { UInt64($0) }
    temperature = settings["temperature"].flatMap { Float($0) }
    if settings["snapshots"] == "off" { cache = nil }
    exactKernels = settings["kernels"] == "exact"
    keyValues = settings["kv"].flatMap(CacheType.init(name:)) ?? .q16
    if let most = settings["max-tokens"].flatMap({ Int($0) }) { maximumTokens = most }
    model = settings["model"]
    self.force = force
  }
}
