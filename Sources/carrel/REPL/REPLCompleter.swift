import FoundationEssentials
import Terminal

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// What Tab offers: commands, model ids, settings, source numbers, and paths.
package struct REPLCompleter: Sendable {
  /// Ids of installed models, asked for when needed.
  package var models: @Sendable () -> [String] = { [] }
  /// Ids that can be fetched.
  package var fetchable: @Sendable () -> [String] = { [] }
  /// Ids of kept conversations.
  package var sessions: @Sendable () -> [String] = { [] }
  /// How many sources the last answer has.
  package var sourceCount: @Sendable () -> Int = { 0 }

  package init(
    models: @escaping @Sendable () -> [String] = { [] },
    fetchable: @escaping @Sendable () -> [String] = { [] },
    sessions: @escaping @Sendable () -> [String] = { [] },
    sourceCount: @escaping @Sendable () -> Int = { 0 }
  ) {
    self.models = models
    self.fetchable = fetchable
    self.sessions = sessions
    self.sourceCount = sourceCount
  }

  package func complete(_ text: String, _ cursor: Int) -> [Completion] {
    let before = String(text.prefix(cursor))
    guard before.hasPrefix("/") else { return [] }
    guard let space = before.firstIndex(where: \.isWhitespace) else {
      return Self.matching(before, REPLCommand.all.map { "/" + $0.name.rawValue }, from: 0, cursor)
    }
    let command = String(before[before.index(after: before.startIndex)..<space])
    let start = (before.lastIndex(where: \.isWhitespace)).map {
      before.distance(from: before.startIndex, to: $0) + 1
    }
    let from = start ?? cursor
    let word = String(before.dropFirst(from))
    let words = before.split(separator: " ").count - (word.isEmpty ? 0 : 1)
    switch REPLCommand.Name(rawValue: command) {
    case .model, .unload: return Self.matching(word, models(), from: from, cursor)
    case .pull: return Self.matching(word, fetchable(), from: from, cursor)
    case .resume: return Self.matching(word, sessions(), from: from, cursor)
    case .sessions:
      return Self.matching(word, words <= 1 ? ["remove"] : sessions(), from: from, cursor)
    case .effort: return Self.matching(word, ["low", "medium", "high"], from: from, cursor)
    case .open:
      let numbers = sourceCount() > 0 ? (1...sourceCount()).map(String.init) : []
      return Self.matching(word, numbers, from: from, cursor)
    case .thinking: return Self.matching(word, ["on", "off"], from: from, cursor)
    case .help:
      return Self.matching(word, REPLCommand.all.map(\.name.rawValue), from: from, cursor)
    case .set:
      if words <= 1 {
        return Self.matching(word, Setting.all.map(\.name), from: from, cursor)
      }
      guard
        let setting = Setting.named(
          before.split(separator: " ").dropFirst().first.map(String.init) ?? "")
      else { return [] }
      switch setting.option.kind {
      case .model: return Self.matching(word, models() + ["default"], from: from, cursor)
      case .folder, .file: return Self.paths(word, from: from, cursor)
      default: return Self.matching(word, setting.choices + ["default"], from: from, cursor)
      }
    case .index:
      if words <= 1 {
        return Self.matching(
          word, ["add", "rebuild", "refresh", "remove", "status", "verify"], from: from, cursor)
      }
      return Self.paths(word, from: from, cursor)
    case .save: return Self.paths(word, from: from, cursor)
    default: return []
    }
  }

  private static func matching(
    _ word: String, _ candidates: [String], from: Int, _ cursor: Int
  ) -> [Completion] {
    candidates.filter { $0.hasPrefix(word) }.sorted().map {
      Completion(range: from..<cursor, text: $0)
    }
  }

  /// Entries of the folder that `word` names so far; folders end in a slash.
  private static func paths(_ word: String, from: Int, _ cursor: Int) -> [Completion] {
    let slash = word.lastIndex(of: "/")
    let folder = slash.map { String(word[...$0]) } ?? ""
    let name = slash.map { String(word[word.index(after: $0)...]) } ?? word
    let place = folder.isEmpty ? "." : Location.expand(folder)
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
    return entries.filter { $0.hasPrefix(name) && (name.hasPrefix(".") || !$0.hasPrefix(".")) }
      .sorted().prefix(200).map { entry in
        var information = stat()
        let isFolder =
          stat(place + "/" + entry, &information) == 0
          && information.st_mode & S_IFMT == S_IFDIR
        let shown = entry + (isFolder ? "/" : "")
        return Completion(range: from..<cursor, text: folder + shown, label: shown)
      }
  }
}
