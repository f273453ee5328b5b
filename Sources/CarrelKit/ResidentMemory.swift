import FoundationEssentials

/// What the kernel says this process holds.
package enum ResidentMemory {
  /// Highest resident set so far, mapped files included, in bytes (`VmHWM`); 0 where /proc is not.
  package static func peak() -> Int { status("VmHWM:") }
  /// Resident memory now, mapped files included, in bytes (`VmRSS`).
  package static func now() -> Int { status("VmRSS:") }
  /// Resident anonymous memory now, in bytes (`RssAnon`): what is ours beyond the mapped weights.
  package static func anonymous() -> Int { status("RssAnon:") }

  private static func status(_ key: String) -> Int {
    guard let data = FileManager.default.contents(atPath: "/proc/self/status") else { return 0 }
    for line in String(decoding: data, as: UTF8.self).split(separator: "\n")
    where line.hasPrefix(key) {
      let digits = line.dropFirst(key.count).filter(\.isNumber)
      return (Int(digits) ?? 0) * 1024
    }
    return 0
  }
}
