import FoundationEssentials

/// The file of settings: lines of `name = value`, where names are those of the command line's
/// options without their dashes. Blank lines and lines that begin with `#` mean nothing; a value may
/// stand in quotes. What names and values mean is the program's business.
public struct SettingsFile: Sendable, Equatable {
  public struct Line: Sendable, Equatable {
    /// From 1.
    public let number: Int
    public let name: String
    public let value: String
  }
  /// A line that is none, and what is wrong with it.
  public struct Problem: Sendable, Equatable {
    public let number: Int
    public let sentence: String
  }

  public private(set) var lines: [Line] = []
  public private(set) var problems: [Problem] = []

  public init(_ text: String) {
    var first: [String: Int] = [:]
    let rows = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, row) in rows.enumerated() {
      let number = index + 1
      let body = Self.trimmed(row.first == "\u{FEFF}" ? row.dropFirst() : row)
      if body.isEmpty || body.first == "#" { continue }
      guard let equals = body.firstIndex(of: "=") else {
        problems.append(
          Problem(number: number, sentence: "expected `name = value`, found `\(body.prefix(60))`"))
        continue
      }
      let name = String(Self.trimmed(body[..<equals]))
      var value = Self.trimmed(body[body.index(after: equals)...])
      if let quote = value.first, quote == "\"" || quote == "'", value.count > 1,
        value.last == quote
      {
        value = value.dropFirst().dropLast()
      }
      guard !name.isEmpty, !value.isEmpty else {
        let what = name.isEmpty ? "a name before" : "a value after"
        problems.append(Problem(number: number, sentence: "expected \(what) the equals sign"))
        continue
      }
      if let earlier = first[name] {
        problems.append(
          Problem(number: number, sentence: "`\(name)` was set in line \(earlier) already"))
        continue
      }
      first[name] = number
      lines.append(Line(number: number, name: name, value: String(value)))
    }
  }

  /// The file at `path`, at most 1 MiB of it; nil where there is none.
  /// - Throws: `CarrelError` where there is one that cannot be read.
  public init?(path: String) throws {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CarrelError(.failed, "The settings in \(path) cannot be read.")
    }
    guard data.count <= 1 << 20 else {
      throw CarrelError(
        .failed, "\(path) has \(data.count) bytes; a file of settings has at most \(1 << 20).")
    }
    self.init(String(decoding: data, as: UTF8.self))
  }

  /// `$CARREL_SETTINGS`, or `carrel/settings.conf` below `$XDG_CONFIG_HOME` or `~/.config`; nil
  /// where none of the three is set.
  public static func path(_ environment: [String: String]) -> String? {
    if let path = environment["CARREL_SETTINGS"], !path.isEmpty { return path }
    if let config = environment["XDG_CONFIG_HOME"], config.hasPrefix("/") {
      return config + "/carrel/settings.conf"
    }
    guard let home = environment["HOME"], !home.isEmpty else { return nil }
    return home + "/.config/carrel/settings.conf"
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var result = text.drop(while: \.isWhitespace)
    while result.last?.isWhitespace == true { result.removeLast() }
    return result
  }
}
