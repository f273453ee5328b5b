/// Control-R: the history is searched while the words for it are typed.
extension LineEditor {
  struct Search: Sendable {
    var query = ""
    var match: Int?
    let original: String
    let cursor: Int
  }

  /// True when the key belonged to the search; false when it ended the search and must still be
  /// applied to the line.
  mutating func searchKey(_ key: Key, _ reply: inout Reply) -> Bool {
    guard var current = search else { return false }
    switch key {
    case .text(let text), .paste(let text):
      current.query += text
      current.match = history.search(
        current.query, before: (current.match ?? history.entries.count - 1) + 1)
    case .backspace, .control("h"):
      if !current.query.isEmpty { current.query.removeLast() }
      current.match = history.search(current.query, before: history.entries.count)
    case .control("r"):
      let next = history.search(current.query, before: current.match ?? history.entries.count)
      if next == nil { reply.output += "\u{07}" }
      current.match = next ?? current.match
    case .control("g"), .control("c"):
      buffer.replace(with: current.original, cursor: current.cursor)
      search = nil
      return true
    default:
      if let match = current.match {
        buffer.replace(with: history.entries[match])
        historyIndex = match
      } else {
        buffer.replace(with: current.original, cursor: current.cursor)
      }
      search = nil
      return key == .escape
    }
    search = current
    return true
  }
}
