// The dates of HTTP headers: "Sun, 06 Nov 1994 08:49:37 GMT", and the two older forms that receivers
// must still read, "Sunday, 06-Nov-94 08:49:37 GMT" and "Sun Nov  6 08:49:37 1994".
// Source: RFC 9110, section 5.6.7.

enum HTTPDate {
  private static let months = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
  ]

  /// Seconds since 1970, or nil for what is no such date.
  static func seconds(_ text: String) -> Int? {
    let parts = text.lowercased().split { $0 == " " || $0 == "," || $0 == "-" }
    // day-name day month year time GMT, or day-name month day time year
    guard parts.count == 5 || parts.count == 6 else { return nil }
    let isOld = parts.count == 5
    let (day, month, year, time) =
      isOld ? (parts[2], parts[1], parts[4], parts[3]) : (parts[1], parts[2], parts[3], parts[4])
    guard isOld || parts[5] == "gmt", let day = number(day, 1...31),
      let month = months.firstIndex(of: String(month)), var year = number(year, 0...9999)
    else { return nil }
    // Two digits: of the years that end so, the one no more than 50 ahead (of 2026 and later).
    if parts[isOld ? 4 : 3].count <= 2 { year += year < 77 ? 2000 : 1900 }
    let clock = time.split(separator: ":", omittingEmptySubsequences: false)
    guard clock.count == 3, let hour = number(clock[0], 0...23),
      let minute = number(clock[1], 0...59),
      let second = number(clock[2], 0...60), year >= 1970
    else { return nil }
    return ((days(year, month + 1, day) * 24 + hour) * 60 + minute) * 60 + second
  }

  private static func number(_ text: Substring, _ range: ClosedRange<Int>) -> Int? {
    guard text.allSatisfy({ $0.isASCII && $0.isNumber }), let value = Int(text) else { return nil }
    return range.contains(value) ? value : nil
  }

  /// Days from 1970-01-01, by counting March as the first month of a year.
  private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let y = month > 2 ? year : year - 1
    let m = (month + 9) % 12
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468
  }
}
