import FoundationEssentials
import Retrieval

/// Which documents are searched.
public struct SearchScope: Sendable, Equatable {
  /// Files and folders; a document must be one of them or lie below one. Empty: anywhere.
  public var paths: [String]
  /// Endings of names, with or without the dot. Empty: every one.
  public var types: [String]
  /// Only documents that were changed then or later, by the modification time they were indexed with.
  public var since: Date?

  public init(paths: [String] = [], types: [String] = [], since: Date? = nil) {
    self.paths = paths
    self.types = types
    self.since = since
  }

  /// Everything that is indexed.
  public static let all = SearchScope()

  /// Whether a text can be the ending of a name: what follows its last dot.
  package static func isType(_ text: String) -> Bool {
    let ending = text.drop { $0 == "." }
    return !ending.isEmpty && !ending.contains { $0 == "/" || $0 == "\0" || $0.isWhitespace }
  }

  /// `in ~/notes, of type md, changed since 2026-05-01`; "" for everything. Times are UTC.
  public var words: String {
    var parts: [String] = []
    if !paths.isEmpty { parts.append("in " + paths.joined(separator: " or ")) }
    if !types.isEmpty { parts.append("of type " + types.joined(separator: " or ")) }
    if let since { parts.append("changed since " + since.formatted(.iso8601)) }
    return parts.joined(separator: ", ")
  }

  /// `words` as it stands behind "the index".
  var place: String { words.isEmpty ? "" : " (\(words))" }

  /// Nanoseconds since 1970. An `Int64` has those from 1677 to 2262: before and after every document.
  private static func nanoseconds(_ date: Date) -> Int64 {
    let seconds = date.timeIntervalSince1970
    return Int64(exactly: (seconds * 1e9).rounded()) ?? (seconds > 0 ? .max : .min)
  }

  package var filter: SearchFilter {
    SearchFilter(
      paths: paths.map(Paths.absolute),
      types: types.map { String($0.drop { $0 == "." }) }.filter { !$0.isEmpty },
      since: since.map(Self.nanoseconds))
  }
}
