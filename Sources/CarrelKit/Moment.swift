import FoundationEssentials

#if canImport(Glibc)
  import Glibc
#else
  import Musl
#endif

/// Days and times as people write them: on a command line, or as an argument of a tool.
package enum Moment {
  /// What `parse` takes, for the sentence about what it does not.
  package static let expected =
    "a day such as 2026-05-01, a time such as 2026-05-01T08:30, or how long ago: "
    + "12h, 7d, 2w, today, yesterday"

  /// "2026-05-01", "2026-05-01T08:30", "2026-05-01 08:30:00" (the clock of this machine), "today",
  /// "yesterday", or how long before `now`: "45m", "12h", "7d", "2w". Nil for anything else.
  package static func parse(_ text: String, now: Date = Date()) -> Date? {
    switch text.lowercased() {
    case "today": return midnight(of: now, daysBefore: 0)
    case "yesterday": return midnight(of: now, daysBefore: 1)
    default: break
    }
    let units: [Character: Double] = ["m": 60, "h": 3600, "d": 86_400, "w": 604_800]
    if let last = text.last, let unit = units[last] {
      guard let count = number(text.dropLast(), 1...6) else { return nil }
      return now - Double(count) * unit
    }
    return written(text)
  }

  private static func written(_ text: String) -> Date? {
    let halves = text.split(
      maxSplits: 1, omittingEmptySubsequences: false, whereSeparator: { $0 == "T" || $0 == " " })
    let day = halves[0].split(separator: "-", omittingEmptySubsequences: false)
    guard day.count == 3, let year = number(day[0], 4...4), let month = number(day[1], 1...2),
      let date = number(day[2], 1...2), year >= 1970, (1...12).contains(month)
    else { return nil }
    var time = [0, 0, 0]
    if halves.count == 2 {
      let parts = halves[1].split(separator: ":", omittingEmptySubsequences: false)
      guard (2...3).contains(parts.count) else { return nil }
      for (place, part) in parts.enumerated() {
        guard let value = number(part, 2...2), value < (place == 0 ? 24 : 60) else { return nil }
        time[place] = value
      }
    }
    var clock = tm()
    clock.tm_year = Int32(year - 1900)
    clock.tm_mon = Int32(month - 1)
    clock.tm_mday = Int32(date)
    clock.tm_hour = Int32(time[0])
    clock.tm_min = Int32(time[1])
    clock.tm_sec = Int32(time[2])
    clock.tm_isdst = -1
    let seconds = mktime(&clock)
    // The 31st of a shorter month is none.
    guard clock.tm_mday == Int32(date), clock.tm_mon == Int32(month - 1) else { return nil }
    return Date(timeIntervalSince1970: Double(seconds))
  }

  private static func midnight(of now: Date, daysBefore days: Int32) -> Date {
    var seconds = time_t(now.timeIntervalSince1970)
    var clock = tm()
    localtime_r(&seconds, &clock)
    clock.tm_hour = 0
    clock.tm_min = 0
    clock.tm_sec = 0
    clock.tm_mday -= days
    clock.tm_isdst = -1
    return Date(timeIntervalSince1970: Double(mktime(&clock)))
  }

  private static func number(_ text: Substring, _ digits: ClosedRange<Int>) -> Int? {
    guard digits.contains(text.utf8.count),
      text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
    else { return nil }
    return Int(text)
  }
}
