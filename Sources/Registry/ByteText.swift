// Bytes as people read them.

package enum ByteText {
  /// Binary units with one decimal: "93.8 MiB", "1.5 GiB"; below a MiB whole KiB.
  package static func binary(_ bytes: Int) -> String {
    let magnitude = bytes.magnitude
    let sign = bytes < 0 ? "-" : ""
    // 1023.95 MiB and more would round to "1024.0 MiB".
    if magnitude >= 1_073_689_395 { return sign + tenths(magnitude, unit: 1 << 30) + " GiB" }
    if magnitude >= 1 << 20 { return sign + tenths(magnitude, unit: 1 << 20) + " MiB" }
    return "\(sign)\((magnitude + 1023) / 1024) KiB"
  }

  private static func tenths(_ bytes: UInt, unit: UInt) -> String {
    let whole = bytes / unit
    // In twentieths of the remainder, so that nothing overflows.
    let tenths = (bytes % unit * 20 / unit + 1) / 2
    return tenths == 10 ? "\(whole + 1).0" : "\(whole).\(tenths)"
  }
}
