import CarrelKit
import Foundation
import Testing
import carrel

@Suite("Settings")
struct SettingTests {
  private func completed(
    _ words: [String], _ text: String, environment: [String: String] = [:]
  ) throws -> (invocation: Invocation, problems: [String]) {
    try CommandLineParser.parse(words).completed(
      by: SettingsFile(text), at: "conf", environment: environment)
  }

  /// One value of each setting that is not its default.
  private static let examples = [
    "models": "/m", "index": "/i", "model": "x", "threads": "3", "context": "2048", "seed": "7",
    "temperature": "0.5", "kernels": "exact", "kv": "q8", "max-tokens": "99", "effort": "high",
    "passages": "4", "retrieval": "off", "thinking": "on", "sessions": "off", "history": "off",
    "keep-alive": "30s", "snapshots": "off", "color": "never", "in": "/d", "type": "md,txt",
    "since": "2026-05-01T08:30",
  ]

  @Test("Lines of the file, options and names of /set are the same set with the same values")
  func sameSet() throws {
    let names = Setting.all.map(\.name)
    #expect(Set(names) == Set(Self.examples.keys) && Set(names).count == names.count)
    let repl = CommandTable.commands[0].options + CommandTable.global
    for setting in Setting.all {
      let value = try #require(Self.examples[setting.name])
      #expect(repl.contains { $0.name == "--\(setting.name)" })
      try setting.check(value)
      let byFlag = try CommandLineParser.parse(["--\(setting.name)", value]).settings
      let (byFile, problems) = try completed([], "\(setting.name) = \(value)")
      #expect(problems.isEmpty, "\(problems)")
      #expect(byFlag == [setting.name: value] && byFile.settings == byFlag)
    }
  }

  @Test("Every setting reaches what it is about")
  func effects() {
    let all = Self.examples
    let workspace = WorkspaceSettings(settings: all, force: true, environment: [:])
    #expect(workspace.models == "/m" && workspace.index == "/i" && workspace.model == "x")
    #expect(workspace.threads == 3 && workspace.context == 2048 && workspace.exactKernels)
    #expect(workspace.seed == 7 && workspace.temperature == 0.5 && workspace.force)
    #expect(workspace.keepAlive == 30 && workspace.cache == nil)
    #expect(workspace.keyValues == .q8)
    // f16 is an older name of the standard.
    for name in ["q16", "f16"] {
      let older = WorkspaceSettings(settings: ["kv": name], force: false, environment: [:])
      #expect(older.keyValues == .q16)
      #expect(throws: Never.self) { try CommandLineParser.parse(["--kv", name]) }
    }
    for (variables, cache) in [
      (["HOME": "/h"], "/h/.cache/carrel"), (["HOME": "/h", "XDG_CACHE_HOME": "/c"], "/c/carrel"),
    ] {
      let standard = WorkspaceSettings(settings: [:], force: false, environment: variables)
      #expect(standard.cache == cache)
    }
    let options = AskOptions(settings: all)
    #expect(options.temperature == 0.5 && options.seed == 7 && options.maximumTokens == 99)
    #expect(options.effort == .high && options.passages == 4 && options.retrieval == .off)
    #expect(options.scope.paths == ["/d"] && options.scope.types == ["md", "txt"])
    #expect(options.scope.since != nil)
    #expect(AskOptions(settings: [:]) == AskOptions())
  }

  @Test("Days and times are those of this machine's clock; what is none is refused")
  func moments() throws {
    let now = Date(timeIntervalSince1970: 1_800_000_000)
    #expect(Moment.parse("45m", now: now) == now - 45 * 60)
    #expect(Moment.parse("12h", now: now) == now - 12 * 3600)
    #expect(Moment.parse("2w", now: now) == now - 14 * 86_400)
    let calendar = Calendar.current
    let day = try #require(Moment.parse("2024-02-29"))
    #expect(
      calendar.dateComponents([.year, .month, .day, .hour], from: day)
        == DateComponents(year: 2024, month: 2, day: 29, hour: 0))
    let time = try #require(Moment.parse("2024-02-29 17:05:09"))
    #expect(time.timeIntervalSince(day) == 17 * 3600 + 5 * 60 + 9)
    #expect(Moment.parse("2024-02-29T17:05") == time - 9)
    #expect(Moment.parse("today", now: now) == calendar.startOfDay(for: now))
    #expect(try #require(Moment.parse("yesterday", now: now)) < calendar.startOfDay(for: now))
    for wrong in [
      "", "d", "7", "-7d", "1.5d", "7y", "2023-02-29", "2024-13-01", "24-01-01", "2024-1", "soon",
      "2024-01-01T", "2024-01-01T7:00", "2024-01-01T24:00", "2024-01-01T10:60", "9999999d", "m",
    ] {
      #expect(Moment.parse(wrong) == nil, "\(wrong)")
      #expect(throws: UsageError.self) {
        try CommandLineParser.parse(["search", "x", "--since", wrong])
      }
    }
  }

  @Test("What is said later counts more: file, environment, option")
  func order() throws {
    let file = "index = /file\nretrieval = preferred\n"
    #expect(try completed(["--index", "/flag"], file).invocation.settings["index"] == "/flag")
    let environment = ["CARREL_INDEX": "/env"]
    #expect(try completed([], file, environment: environment).invocation.settings["index"] == nil)
    #expect(try completed([], file).invocation.settings["retrieval"] == "preferred")
    #expect(try completed(["--no-retrieval"], file).invocation.settings["retrieval"] == "off")
    #expect(try completed(["status"], file).invocation.options == ["--index": "/file"])
    // `--model` of inspect is a file, not this setting.
    let inspect = try completed(["inspect", "tokens", "--special"], "model = x")
    #expect(inspect.invocation.options == ["--special": ""])
  }

  @Test("Bad lines are one sentence each, with their number, and leave the others alone")
  func badLines() throws {
    let text = """
      # a comment
      temperature = warm

      passages 5
      seeds = 4
      effort =
      = 5
      context = "4096"
      context = 8192
      color = 'never'
      """
    let (invocation, problems) = try completed([], text)
    #expect(invocation.settings == ["context": "4096", "color": "never"])
    let expected = [
      "conf, line 4: expected `name = value`, found `passages 5`",
      "conf, line 6: expected a value after the equals sign",
      "conf, line 7: expected a name before the equals sign",
      "conf, line 9: `context` was set in line 8 already",
      "conf, line 2: `temperature` takes a number from 0 to 10, not `warm`",
      "conf, line 5: there is no setting `seeds`; did you mean `seed`?",
    ]
    #expect(problems == expected)
  }

  @Test("Any text is lines or complaints, never a trap")
  func random() throws {
    let pieces = ["=", "\n", " ", "\"", "'", "#", "seed", "4", "\u{FEFF}", "é", "\r\n", "color"]
    var state: UInt64 = 88_172_645_463_325_252
    for _ in 0..<3_000 {
      var text = ""
      for _ in 0..<12 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        text += pieces[Int(state % UInt64(pieces.count))]
      }
      let file = SettingsFile(text)
      let rows = text.split(whereSeparator: \.isNewline)
      #expect(file.lines.count + file.problems.count <= rows.count)
    }
  }

  @Test("The file is where the environment says")
  func path() {
    #expect(SettingsFile.path(["HOME": "/h"]) == "/h/.config/carrel/settings.conf")
    #expect(
      SettingsFile.path(["HOME": "/h", "XDG_CONFIG_HOME": "/c"]) == "/c/carrel/settings.conf")
    #expect(SettingsFile.path(["CARREL_SETTINGS": "/s", "HOME": "/h"]) == "/s")
    #expect(SettingsFile.path([:]) == nil)
  }

  @Test("The README has the table of settings as it is")
  func readme() throws {
    let text = try String(
      contentsOf: GeneratedTextTests.root.appending(path: "README.md"), encoding: .utf8)
    #expect(text.contains(HelpText.settingsMarkdown), "expected:\n\(HelpText.settingsMarkdown)")
  }
}
