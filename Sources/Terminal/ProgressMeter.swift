/// How far a piece of work is, how fast and how long it will take: a value fed with counts and
/// times, tested without a clock.
package struct ProgressMeter: Sendable {
  package enum Unit: Sendable, Equatable {
    case bytes, files, tokens, items(String)
  }

  package let label: String
  package let unit: Unit
  package private(set) var done = 0
  package private(set) var total: Int?
  /// (seconds, done) over the last few seconds; rates come from this window.
  private var window: [(time: Double, done: Int)] = []
  private static let windowSeconds = 5.0

  package init(label: String, unit: Unit, total: Int? = nil) {
    self.label = label
    self.unit = unit
    self.total = total
  }

  /// `now` in seconds on any steady clock. Counts never go backwards.
  package mutating func update(done: Int, total: Int? = nil, now: Double) {
    self.done = max(self.done, done)
    if let total { self.total = total }
    window.append((now, self.done))
    while window.count > 2, let first = window.first, now - first.time > Self.windowSeconds {
      window.removeFirst()
    }
  }

  /// Units a second over the window; nil before there is enough to tell.
  package var rate: Double? {
    guard let first = window.first, let last = window.last, last.time - first.time > 0.05,
      last.done > first.done
    else { return nil }
    return Double(last.done - first.done) / (last.time - first.time)
  }

  /// Seconds to go.
  package var remaining: Double? {
    guard let total, let rate, total > done else { return nil }
    return Double(total - done) / rate
  }

  /// `indexing 812/2,140 files, 190 files/s, 7 s left`, cut to `width` columns.
  package func line(width: Int = .max) -> String {
    var text = label + " " + Self.amount(done, total, unit)
    if let rate { text += ", " + Self.speed(rate, unit) }
    if let remaining { text += ", " + Format.duration(remaining) + " left" }
    return DisplayWidth.truncate(text, to: width)
  }

  private static func amount(_ done: Int, _ total: Int?, _ unit: Unit) -> String {
    if unit == .bytes {
      return total.map { "\(Format.bytes(done)) of \(Format.bytes($0))" } ?? Format.bytes(done)
    }
    let counted = total.map { "\(Format.count(done))/\(Format.count($0))" } ?? Format.count(done)
    return counted + " " + name(unit)
  }

  private static func speed(_ rate: Double, _ unit: Unit) -> String {
    switch unit {
    case .bytes: Format.bytes(Int(rate)) + "/s"
    case .tokens: Format.rate(rate) + " t/s"
    case .files, .items: Format.rate(rate) + " " + name(unit) + "/s"
    }
  }

  private static func name(_ unit: Unit) -> String {
    switch unit {
    case .bytes: "bytes"
    case .files: "files"
    case .tokens: "tokens"
    case .items(let name): name
    }
  }
}

/// Numbers as people read them, the same everywhere.
package enum Format {
  /// `2140` as `2,140`.
  package static func count(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { result.append(",") }
      result.append(digit)
    }
    return value < 0 ? "-" + result : result
  }

  /// Binary units, one decimal from a KiB on: `97 B`, `93.8 MiB`.
  package static func bytes(_ value: Int) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB"]
    if value.magnitude < 1024 { return "\(value) B" }
    var amount = Double(value) / 1024
    var unit = 0
    while amount.magnitude >= 1023.95, unit < units.count - 1 {
      amount /= 1024
      unit += 1
    }
    return fixed(amount, 1) + " " + units[unit]
  }

  /// Whole from 10 on, one decimal below.
  package static func rate(_ value: Double) -> String {
    guard value.isFinite, value.magnitude < 1e15 else { return "–" }
    return value >= 10 ? count(Int(value.rounded())) : fixed(value, 1)
  }

  /// `7 s`, `2 min 05 s`, `1 h 12 min`.
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "–" }
    if seconds < 1 { return "\(Int((seconds * 1000).rounded())) ms" }
    if seconds < 10 { return fixed(seconds, 1) + " s" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(pad(whole % 60)) s" }
    return "\(whole / 3600) h \(pad(whole / 60 % 60)) min"
  }

  /// A number with a fixed count of decimals, half away from zero.
  package static func fixed(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite, value.magnitude < 1e15 else { return "–" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = Int((value.magnitude * scale).rounded())
    let sign = value < 0 && scaled > 0 ? "-" : ""
    if decimals == 0 { return sign + String(scaled) }
    let fraction = String(scaled % Int(scale))
    return sign + String(scaled / Int(scale)) + "."
      + String(repeating: "0", count: decimals - fraction.count) + fraction
  }

  private static func pad(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
