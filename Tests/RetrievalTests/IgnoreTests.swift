import Glibc
import Retrieval
import TestSupport
import Testing

@Suite("Ignore rules")
struct IgnoreTests {
  /// (pattern, path, is a folder, matches): from gitignore(5) and checked with git 2.39.
  static let table: [(String, String, Bool, Bool)] = [
    ("foo", "foo", false, true), ("foo", "a/foo", false, true), ("foo", "foobar", false, false),
    ("/foo", "foo", false, true), ("/foo", "a/foo", false, false), ("foo/", "foo", false, false),
    ("foo/", "foo", true, true), ("a/b", "a/b", false, true), ("a/b", "x/a/b", false, false),
    ("*.o", "x/y.o", false, true), ("a/*.o", "a/b/y.o", false, false),
    ("**/foo", "a/b/foo", false, true), ("**/foo", "foo", false, true),
    ("a/**", "a/b/c", false, true), ("a/**", "a", true, false), ("a/**/b", "a/b", false, true),
    ("a/**/b", "a/x/y/b", false, true), ("a/**b", "a/x/b", false, false),
    ("\\#x", "#x", false, true), ("\\!x", "!x", false, true), ("a\\ ", "a ", false, true),
    ("a ", "a", false, true), ("[a-c]x", "bx", false, true), ("[!a-c]x", "bx", false, false),
    ("[]]x", "]x", false, true), ("[[:digit:]]", "7", false, true), ("a?c", "a/c", false, false),
    ("a[", "a[", false, false), ("x\\", "x\\", false, false), ("*", "anything", false, true),
  ]

  @Test("Matches as git does", arguments: table)
  func matches(line: String, path: String, isFolder: Bool, expected: Bool) throws {
    let pattern = try #require(IgnorePattern(line: Array(line.utf8)[...]))
    let bytes = Array(path.utf8)
    let start = (bytes.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1
    #expect(pattern.matches(bytes[...], nameStart: start, isFolder: isFolder) == expected)
  }

  @Test("Reads files with a byte order mark, CRLF, comments and blank lines")
  func parses() {
    let text = "\u{feff}a\r\n# no\n\n   \n!b\n\\#c"
    let patterns = IgnorePattern.parse(Array(text.utf8))
    #expect(patterns.count == 3)
  }

  @Test("A pattern full of stars takes no more than its length times the text's")
  func starsAreBounded() {
    let pattern = Array(String(repeating: "*a", count: 60).utf8) + Array("b".utf8)
    let text = [UInt8](repeating: UInt8(ascii: "a"), count: 4000)
    #expect(!GlobMatcher.matches(pattern[...], text[...], pathMode: true))
  }

  @Test("A pattern longer than any path matches nothing, and does no harm")
  func longPattern() {
    let folder = TemporaryFolder()
    for part in ["**/", "*a", "a"] {
      let line = Array(String(repeating: part, count: 300_000).utf8)
      #expect(IgnorePattern(line: line[...]) == nil)
      folder.write(".gitignore", bytes: line + Array("\ndrop\n".utf8))
      folder.write("sub/keep", "x")
      folder.write("sub/drop", "x")
      var scanner = FolderScanner()
      #expect(scanner.scan(folder.path)?.map(\.path) == [folder.path + "/sub/keep"])
    }
    let most = Array((String(repeating: "**/", count: 1365) + "b").utf8)
    let path = Array(String(repeating: "a/", count: 2000).utf8) + [UInt8(ascii: "a")]
    let pattern = IgnorePattern(line: most[...])
    #expect(pattern?.matches(path[...], nameStart: path.count - 1, isFolder: false) == false)
  }

  static let git = Subprocess.find("git", in: ["/usr/bin", "/usr/local/bin", "/bin"])

  @Test(
    "Leaves the same files as git on generated trees", .enabled(if: git != nil),
    arguments: 0..<(isSoak ? 600 : 30))
  func agreesWithGit(seed: Int) throws {
    var random = Seeded(UInt64(seed) + 1)
    let folder = TemporaryFolder()
    let git = try #require(Self.git)
    func run(_ arguments: [String]) -> [UInt8] {
      let result = Subprocess.run(
        git, ["-c", "core.excludesFile=/dev/null", "-C", folder.path] + arguments,
        limits: .init(time: 20, output: 1 << 20))
      guard case .output(let bytes) = result else { return [] }
      return bytes
    }
    _ = run(["init", "-q"])
    let names = ["a", "b", "ab", "foo", "foo.o", "bar.txt", "x y", "z ", "#h", "!n", "d1", "[b]"]
    func path(_ depth: Int) -> String {
      (0...Int.random(in: 0...depth, using: &random)).map { _ in
        names.randomElement(using: &random)!
      }.joined(separator: "/")
    }
    var files: [String] = []
    for _ in 0..<40 {
      let name = path(3)
      if !files.contains(where: { $0.hasPrefix(name + "/") || name.hasPrefix($0 + "/") }) {
        folder.write(name, "text")
        files.append(name)
      }
    }
    let atoms = [
      "a", "b", "ab", "foo", "*", "?", "**", "/", "/", ".o", "[a-b]", "[!a]", "\\", "x y", "d1",
      "o",
      "*.o", "/**", "**/", " ", "[[:alpha:]]", "[^b]", "\\ ", "\\a", "[]b]", "[a\\-b]", "[!", "#h",
      "\\#h", "\\!n", "z\\ ", "[[]b]", "*/", "/*", "**/*", "bar.*", "[[:digit:]", "\t", "[b-a]",
    ]
    for place in ["", "a/", "foo/", "d1/ab/"] where place.isEmpty || Bool.random(using: &random) {
      var lines: [String] = []
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        var line = Int.random(in: 0..<4, using: &random) == 0 ? "!" : ""
        for _ in 0...Int.random(in: 0...4, using: &random) {
          line += atoms.randomElement(using: &random)!
        }
        if Int.random(in: 0..<4, using: &random) == 0 { line += "/" }
        lines.append(line)
      }
      let exists = place.isEmpty || files.contains { $0.hasPrefix(place) }
      if exists { folder.write(place + ".gitignore", lines.joined(separator: "\n") + "\n") }
    }
    let listed = run(["ls-files", "-z", "--others", "--exclude-standard"])
      .split(separator: 0).map { String(decoding: $0, as: UTF8.self) }.sorted()
    var options = IndexOptions()
    options.includesHidden = true
    var scanner = FolderScanner(options: options)
    let found = (scanner.scan(folder.path) ?? []).map {
      String($0.path.dropFirst(folder.path.count + 1))
    }.sorted()
    let rules = TemporaryFolder.rules(folder.path)
    #expect(found == listed, "\(rules)")
  }
}

extension TemporaryFolder {
  /// Every ignore file below a folder with its text, for messages.
  static func rules(_ path: String) -> [String: String] {
    var rules: [String: String] = [:]
    for name in names(path) {
      let child = path + "/" + name
      if name == ".gitignore", case .bytes(let bytes, _, _) = FileBytes.read(.init(path: child)) {
        rules[child] = String(decoding: bytes, as: UTF8.self)
      } else if name != ".git" {
        rules.merge(Self.rules(child)) { a, _ in a }
      }
    }
    return rules
  }
}

@Suite("Folder scanner")
struct FolderScannerTests {
  let folder = TemporaryFolder()

  private func scan(_ change: (inout IndexOptions) -> Void = { _ in }) -> (
    files: [String], skipped: [SkipReason: Int]
  ) {
    var options = IndexOptions()
    change(&options)
    var scanner = FolderScanner(options: options)
    let files = scanner.scan(folder.path) ?? []
    return (files.map { String($0.path.dropFirst(folder.path.count + 1)) }, scanner.skipped)
  }

  @Test("Lists in one fixed order and counts what it leaves out, by reason")
  func order() {
    for name in ["b.txt", "a/2.txt", "a/1.txt", "c/x", "A.txt", ".hidden", ".dir/x"] {
      folder.write(name, "x")
    }
    folder.write("big", String(repeating: "x", count: 2000))
    mkfifo(folder.path + "/pipe", 0o644)
    let found = scan { $0.maximumFileBytes = 1000 }
    #expect(found.files == ["A.txt", "b.txt", "a/1.txt", "a/2.txt", "c/x"])
    #expect(found.skipped == [.hidden: 2, .huge: 1, .special: 1])
  }

  @Test("Follows links only when asked, enters each folder once, prefers real paths")
  func links() {
    folder.write("z/real.txt", "x")
    symlink(folder.path + "/z", folder.path + "/a")
    symlink("..", folder.path + "/z/up")
    symlink("nowhere", folder.path + "/broken")
    #expect(scan().files == ["z/real.txt"])
    #expect(scan().skipped[.symbolicLink] == 3)
    #expect(scan { $0.followsLinks = true }.files == ["z/real.txt"])
  }

  @Test("Honours rules of the repository above the folder it is given")
  func rulesAbove() {
    mkdir(folder.path + "/.git", 0o755)
    folder.write(".gitignore", "*.log\n/sub/secret\n")
    for name in ["sub/a.txt", "sub/b.log", "sub/secret"] { folder.write(name, "x") }
    var scanner = FolderScanner()
    let files = (scanner.scan(folder.path + "/sub") ?? []).map(\.path)
    #expect(files == [folder.path + "/sub/a.txt"])
  }

  @Test("A rule of .carrelignore overrides one of .gitignore")
  func carrelIgnore() {
    folder.write(".gitignore", "*.md\n")
    folder.write(".carrelignore", "!keep.md\ndrop.txt\n")
    for name in ["keep.md", "other.md", "drop.txt", "stay.txt"] { folder.write(name, "x") }
    #expect(scan().files == ["keep.md", "stay.txt"])
  }

  @Test("A rule of .carrelignore wins over those of every .gitignore below it")
  func carrelIgnoreAbove() {
    folder.write(".carrelignore", "!*.log\nsecret*\n")
    folder.write("sub/.gitignore", "*.log\n!secret.txt\n")
    folder.write("sub/deep/.carrelignore", "last.log\n")
    for name in ["sub/a.log", "sub/secret.txt", "sub/deep/b.log", "sub/deep/last.log"] {
      folder.write(name, "x")
    }
    #expect(scan().files == ["sub/a.log", "sub/deep/b.log"])
  }

  @Test("A file named explicitly is listed whatever its name and size")
  func explicit() {
    let path = folder.write(".hidden.log", String(repeating: "x", count: 100))
    var options = IndexOptions()
    options.maximumFileBytes = 10
    var scanner = FolderScanner(options: options)
    #expect(scanner.scan(path)?.map(\.path) == [path])
    #expect(scanner.scan(folder.path + "/missing") == nil)
  }
}
