import FoundationEssentials

/// Paths of this machine as people read them.
package enum Location {
  private static let directory = FileManager.default.currentDirectoryPath
  private static let home = ProcessInfo.processInfo.environment["HOME"]

  /// Relative to the current directory, or to home.
  package static func short(_ path: String) -> String {
    Printing.short(path, directory: directory, home: home)
  }

  /// A file URL for links, with everything but unreserved characters and slashes escaped.
  package static func url(_ path: String) -> String {
    let absolute = path.hasPrefix("/") ? path : directory + "/" + path
    var url = "file://"
    for byte in absolute.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."),
        UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "~"):
        url.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        url += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return url
  }

  /// `$XDG_STATE_HOME/carrel`, made if need be; nil when it cannot be made.
  package static func stateFolder(_ environment: [String: String]) -> String? {
    let base: String
    if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") {
      base = state
    } else if let home = environment["HOME"], !home.isEmpty {
      base = home + "/.local/state"
    } else {
      return nil
    }
    let folder = base + "/carrel"
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      return nil
    }
    return folder
  }

  /// `~/x` as the shell would read it.
  package static func expand(_ path: String) -> String {
    guard path == "~" || path.hasPrefix("~/"), let home else { return path }
    return home + path.dropFirst()
  }
}
