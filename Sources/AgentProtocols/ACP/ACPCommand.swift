/// Commands a client offers behind a slash; they arrive as the text of a prompt. Pure.
package enum ACPCommand: Sendable, Equatable {
  /// What `SearchLine` reads.
  case search(String)
  /// A path, absolute or below the session's folder; "" is that folder itself.
  case index(String)
  case status
  case why

  /// nil when the text is a question.
  package init?(_ text: String) {
    guard text.hasPrefix("/") else { return nil }
    let line = text.dropFirst()
    let name = line.prefix { !$0.isWhitespace }
    let rest = String(line.dropFirst(name.count).trimmingSpace)
    switch name {
    case "search" where !rest.isEmpty: self = .search(rest)
    case "index": self = .index(rest)
    case "status" where rest.isEmpty: self = .status
    case "why" where rest.isEmpty: self = .why
    default: return nil
    }
  }

  /// `AvailableCommand`s.
  package static let json: JSONValue = [
    [
      "name": "search", "description": "Show the passages that answer a query, without a model.",
      "input": ["hint": "words or a question; --in PATH, --type md, --since 7d"],
    ],
    [
      "name": "index",
      "description": "Index a file or folder; without a path the session's folder.",
      "input": ["hint": "path"],
    ],
    ["name": "status", "description": "Show memory, disk, models and index."],
    ["name": "why", "description": "Explain which model is chosen, with the arithmetic."],
  ]
}

extension StringProtocol {
  fileprivate var trimmingSpace: SubSequence {
    let start = firstIndex { !$0.isWhitespace } ?? endIndex
    var end = endIndex
    while end > start, self[index(before: end)].isWhitespace { end = index(before: end) }
    return self[start..<end]
  }
}
