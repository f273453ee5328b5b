#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Lines entered before, oldest first, each kept once. With a file, every line is appended as it is
/// entered, so that a kill loses nothing and two sessions may share the file; the file is rewritten
/// only when it has grown to twice the limit.
///
/// File: one entry a line, UTF-8, mode 0600; `\` is written `\\` and a line break inside an entry
/// `\n`. An unreadable or unwritable file turns the file off, never the history.
package struct History: Sendable {
  package private(set) var entries: [String] = []
  package let limit: Int
  /// Off: nothing is added, written or, at the beginning, read.
  package var isEnabled: Bool
  package let path: String?

  package init(path: String? = nil, limit: Int = 2000, isEnabled: Bool = true) {
    self.limit = max(1, limit)
    self.isEnabled = isEnabled
    self.path = path
    if isEnabled, let path { load(path) }
  }

  /// Adds a line, taking an earlier equal one away. Blank lines and lines that begin with a space
  /// are not kept.
  package mutating func add(_ entry: String) {
    guard isEnabled, entry.contains(where: { !$0.isWhitespace }), entry.first != " " else { return }
    if entries.last == entry { return }
    entries.removeAll { $0 == entry }
    entries.append(entry)
    if entries.count > limit { entries.removeFirst(entries.count - limit) }
    if let path { Self.append(Self.escape(entry) + "\n", to: path) }
  }

  /// The newest entry before `index` that contains `query`; case matters only when `query` has a
  /// capital.
  package func search(_ query: String, before index: Int) -> Int? {
    guard !query.isEmpty else { return nil }
    let exact = query.contains(where: \.isUppercase)
    var position = min(index, entries.count) - 1
    while position >= 0 {
      let entry = exact ? entries[position] : entries[position].lowercased()
      if entry.contains(query) { return position }
      position -= 1
    }
    return nil
  }

  private mutating func load(_ path: String) {
    guard let bytes = Self.read(path) else { return }
    var seen = Set<String>()
    var newestFirst: [String] = []
    let lines = bytes.split(separator: 0x0A)
    for line in lines.reversed() where newestFirst.count < limit {
      let entry = Self.unescape(String(decoding: line, as: UTF8.self))
      if !entry.isEmpty, seen.insert(entry).inserted { newestFirst.append(entry) }
    }
    entries = newestFirst.reversed()
    if lines.count > limit * 2 {
      Self.replace(path, with: entries.map { Self.escape($0) + "\n" }.joined())
    }
  }

  package static func escape(_ entry: String) -> String {
    var result = ""
    for scalar in entry.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  package static func unescape(_ line: String) -> String {
    var result = String.UnicodeScalarView()
    var escaped = false
    for scalar in line.unicodeScalars {
      if escaped {
        result.append(scalar == "n" ? "\n" : scalar)
        escaped = false
      } else if scalar == "\\" {
        escaped = true
      } else {
        result.append(scalar)
      }
    }
    return String(result)
  }

  /// At most 16 MB of the file's end; nil when it cannot be read.
  private static func read(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let size = lseek(descriptor, 0, SEEK_END)
    guard size > 0 else { return nil }
    let start = max(0, size - (16 << 20))
    var bytes = [UInt8](repeating: 0, count: size - start)
    let count = pread(descriptor, &bytes, bytes.count, off_t(start))
    return count > 0 ? Array(bytes.prefix(count)) : nil
  }

  private static func append(_ text: String, to path: String) {
    write(text, to: path, flags: O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC)
  }

  private static func replace(_ path: String, with text: String) {
    let temporary = "\(path).\(getpid())"
    if write(text, to: temporary, flags: O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC) {
      rename(temporary, path)
    }
  }

  @discardableResult
  private static func write(_ text: String, to path: String, flags: Int32) -> Bool {
    let descriptor = open(path, flags, 0o600)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return FileOutput.writeAll(Array(text.utf8), to: descriptor)
  }
}
