import FoundationEssentials

/// What the kernel says this process holds.
package enum ResidentMemory {
  /// Highest resident set so far, mapped files included, in bytes (`VmHWM`); 0 where /proc is not.
  package static func peak() -> Int { ProcessMemory.now().peak }
  /// Resident memory now, mapped files included, in bytes (`VmRSS`).
  package static func now() -> Int { ProcessMemory.now().resident }
}

/// The lines of /proc/self/status about memory, in bytes; all 0 where there is no /proc.
struct ProcessMemory: Sendable, Equatable {
  /// `RssAnon`: pages with no file behind them.
  var anonymous = 0
  /// `RssFile` and `RssShmem`: pages of mapped files.
  var mapped = 0
  /// `VmHWM`: the most that was resident at once.
  var peak = 0

  var resident: Int { anonymous + mapped }

  static func now() -> ProcessMemory {
    var memory = ProcessMemory()
    guard let data = FileManager.default.contents(atPath: "/proc/self/status") else {
      return memory
    }
    for line in String(decoding: data, as: UTF8.self).split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let bytes = (Int(line[colon...].filter(\.isNumber)) ?? 0) * 1024
      switch line[..<colon] {
      case "RssAnon": memory.anonymous = bytes
      case "RssFile", "RssShmem": memory.mapped += bytes
      case "VmHWM": memory.peak = bytes
      default: break
      }
    }
    return memory
  }
}
