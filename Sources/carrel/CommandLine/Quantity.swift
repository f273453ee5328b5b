/// Amounts as people write them on a command line.
package enum Quantity {
  /// "8GiB", "8G", "500MB", "4096": bytes; nil for anything else. G, GB and GiB all mean 2^30.
  package static func bytes(_ text: String) -> Int? {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = text.dropFirst(digits.count).lowercased()
    let shifts = ["": 0, "k": 10, "m": 20, "g": 30, "t": 40]
    var letter = unit
    for ending in ["ib", "b"] where letter.hasSuffix(ending) {
      letter.removeLast(ending.count)
      break
    }
    guard let number = Double(digits), number > 0, let shift = shifts[letter] else { return nil }
    let bytes = number * Double(1 << shift)
    return bytes >= 1 && bytes < 0x1p60 ? Int(bytes) : nil
  }

  /// "30s", "10m", "2h", "45" (seconds): seconds, infinite for "never"; nil for anything else.
  package static func seconds(_ text: String) -> Double? {
    if text == "never" { return .infinity }
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600]
    var digits = text[...]
    var factor = 1.0
    if let last = digits.last, let unit = units[last] {
      factor = unit
      digits = digits.dropLast()
    }
    guard digits.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == ".") }),
      let number = Double(digits), number * factor < 1e9
    else { return nil }
    return number * factor
  }
}
