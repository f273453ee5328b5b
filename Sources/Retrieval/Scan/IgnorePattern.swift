/// One line of a `.gitignore` or `.carrelignore` file.
package struct IgnorePattern: Equatable {
  /// The glob without `!`, without the leading slash of an anchored pattern, without the last slash.
  let glob: [UInt8]
  /// "!": what matches is read after all.
  let isNegated: Bool
  /// Ended in "/": only folders match.
  let foldersOnly: Bool
  /// Has no inner slash: matches the last component at any depth.
  let matchesName: Bool
  /// Bytes before the first special one; compared literally.
  let literalPrefix: Int

  /// Bytes of the longest glob that is read: a path has no more. Matching takes memory, depth and time
  /// that grow with both.
  private static let longest = 4096

  /// Parses a line without its end. Returns nil for blank lines and comments, and for what is longer than
  /// any path.
  package init?(line: ArraySlice<UInt8>) {
    var bytes = Self.trimmingTrailingSpaces(line)
    guard let first = bytes.first, first != UInt8(ascii: "#") else { return nil }
    isNegated = first == UInt8(ascii: "!")
    if isNegated { bytes.removeFirst() }
    foldersOnly = bytes.last == slash
    if foldersOnly { bytes.removeLast() }
    matchesName = !bytes.contains(slash)
    if !matchesName, bytes.first == slash { bytes.removeFirst() }
    guard bytes.count <= Self.longest else { return nil }
    glob = Array(bytes)
    literalPrefix = glob.firstIndex { Self.isSpecial($0) } ?? glob.count
  }

  /// All patterns of a file, in its order. A byte order mark and CRLF ends are read over.
  package static func parse(_ file: [UInt8]) -> [IgnorePattern] {
    var rest = file[...]
    if rest.starts(with: [0xef, 0xbb, 0xbf]) { rest = rest.dropFirst(3) }
    return rest.split(separator: UInt8(ascii: "\n")).compactMap { line in
      IgnorePattern(line: line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
    }
  }

  /// - Parameters:
  ///   - path: relative to the folder of the ignore file, without a slash at either end.
  ///   - nameStart: where the last component of `path` begins.
  package func matches(_ path: ArraySlice<UInt8>, nameStart: Int, isFolder: Bool) -> Bool {
    if foldersOnly && !isFolder { return false }
    if matchesName {
      let name = path[nameStart...]
      if literalPrefix == glob.count { return name.elementsEqual(glob) }
      return GlobMatcher.matches(glob[...], name, pathMode: false)
    }
    // As in git, the literal part is compared first and the glob begins after it: this is why
    // "a**/b" spans folders although the stars do not follow a slash.
    guard path.count >= literalPrefix,
      path.prefix(literalPrefix).elementsEqual(glob[..<literalPrefix])
    else { return false }
    return GlobMatcher.matches(
      glob[literalPrefix...], path.dropFirst(literalPrefix), pathMode: true)
  }

  private static func isSpecial(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "*") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "[")
      || byte == UInt8(ascii: "\\")
  }

  /// Unescaped spaces at the end do not count; "\ " does.
  private static func trimmingTrailingSpaces(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var keep = line.startIndex
    var index = line.startIndex
    while index < line.endIndex {
      if line[index] == UInt8(ascii: "\\") {
        index = min(index + 2, line.endIndex)
        keep = index
      } else {
        index += 1
        if line[index - 1] != UInt8(ascii: " ") { keep = index }
      }
    }
    return line[..<keep]
  }
}
