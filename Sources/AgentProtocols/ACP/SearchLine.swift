import CarrelKit

/// What follows `/search`: the words to search for and, with the names they have on the command line,
/// where. Pure.
///
/// `retry --in "my notes" --type swift,md --since 7d`; what follows `--` is searched for as it stands.
package struct SearchLine: Sendable, Equatable {
  package let query: String
  package let scope: SearchScope

  /// - Parameter folder: absolute; paths are below it.
  /// - Throws: -32602 with a sentence for a value that makes no sense, or where nothing is asked for.
  package init(_ text: String, folder: String) throws(RPCError) {
    var rest = text[...]
    var words: [Substring] = []
    var scope = SearchScope.all
    while let word = Self.word(&rest) {
      if word == "--" {
        words += rest.split(whereSeparator: \.isWhitespace)
        break
      }
      let halves = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = halves.first, ["--in", "--type", "--since"].contains(name) else {
        words.append(word)
        continue
      }
      let value = Self.unquoted((halves.count == 2 ? halves[1] : Self.word(&rest)) ?? "")
      switch name {
      case "--in":
        guard !value.isEmpty, !value.contains("\0") else {
          throw Self.wrong(name, "a file or folder", value)
        }
        scope.paths.append(value.hasPrefix("/") ? value : folder + "/" + value)
      case "--type":
        let types = value.split(separator: ",").map(String.init)
        guard !types.isEmpty, types.allSatisfy(SearchScope.isType) else {
          throw Self.wrong(name, "endings of names such as swift,md", value)
        }
        scope.types += types
      default:
        guard let date = Moment.parse(value) else {
          throw Self.wrong(name, Moment.expected, value)
        }
        scope.since = date
      }
    }
    guard !words.isEmpty else {
      throw RPCError(.invalidParameters, "/search: expected words or a question, found none.")
    }
    query = words.joined(separator: " ")
    self.scope = scope
  }

  /// Takes the next word off; what stands in double quotes keeps its spaces, and the quotes.
  private static func word(_ rest: inout Substring) -> Substring? {
    rest = rest.drop(while: \.isWhitespace)
    var end = rest.startIndex
    while end < rest.endIndex, !rest[end].isWhitespace {
      let next = rest.index(after: end)
      let closing = rest[end] == "\"" ? rest[next...].firstIndex(of: "\"") : nil
      end = closing.map { rest.index(after: $0) } ?? next
    }
    guard end > rest.startIndex else { return nil }
    defer { rest = rest[end...] }
    return rest[..<end]
  }

  private static func unquoted(_ word: Substring) -> String {
    guard word.count >= 2, word.first == "\"", word.last == "\"" else { return String(word) }
    return String(word.dropFirst().dropLast())
  }

  private static func wrong(_ name: Substring, _ expected: String, _ value: String) -> RPCError {
    RPCError(
      .invalidParameters,
      "/search: after \(name) \(expected) is expected; found "
        + (value.isEmpty ? "nothing." : "`\(value.prefix(100))`."))
  }
}
