/// Why a file was not read.
package enum SkipReason: Sendable, Hashable, CustomStringConvertible {
  case ignored, hidden, binary, huge, special, symbolicLink, permission, unreadable, empty
  case changedWhileRead
  /// Paths are text everywhere.
  case nameNotText
  /// The database refuses its rows.
  case notStored
  /// A converter is not installed; continues "needs": "pdftotext … (install poppler-utils)".
  case needsConverter(String)
  /// The file is at fault.
  case conversionFailed(String)
  /// The program or the machine is: tried again by the next run.
  case notConverted(String)

  /// What `index status` prints, and what the database keeps.
  package var description: String {
    switch self {
    case .ignored: "ignored"
    case .hidden: "hidden"
    case .binary: "binary"
    case .huge: "too large"
    case .special: "not a regular file"
    case .symbolicLink: "symbolic link"
    case .permission: "permission denied"
    case .unreadable: "unreadable"
    case .empty: "empty"
    case .changedWhileRead: "changed while read"
    case .nameNotText: "name is not UTF-8"
    case .notStored: "refused by the database"
    case .needsConverter(let sentence): "needs " + sentence
    case .conversionFailed(let sentence): "conversion failed: " + sentence
    case .notConverted(let sentence): "not converted: " + sentence
    }
  }

  package init?(description: String) {
    let plain: [SkipReason] = [
      .ignored, .hidden, .binary, .huge, .special, .symbolicLink, .permission, .unreadable, .empty,
      .changedWhileRead, .nameNotText, .notStored,
    ]
    if let reason = plain.first(where: { $0.description == description }) {
      self = reason
    } else if description.hasPrefix("needs ") {
      self = .needsConverter(String(description.dropFirst(6)))
    } else if description.hasPrefix("conversion failed: ") {
      self = .conversionFailed(String(description.dropFirst(19)))
    } else if description.hasPrefix("not converted: ") {
      self = .notConverted(String(description.dropFirst(15)))
    } else {
      return nil
    }
  }

  /// Whether the same bytes will be refused again: then the manifest remembers it.
  var isLasting: Bool {
    switch self {
    case .binary, .empty, .conversionFailed: true
    default: false
    }
  }

  /// Whether the next look may find it otherwise: till then what was known of the file stays.
  var mayPass: Bool {
    switch self {
    case .changedWhileRead, .unreadable, .notConverted: true
    default: false
    }
  }

  /// One line for each reason: count, tab, reason.
  static func encode(_ counts: [SkipReason: Int]) -> String {
    counts.map { "\($0.value)\t\($0.key)" }.sorted().joined(separator: "\n")
  }

  static func decode(_ text: String) -> [SkipReason: Int] {
    var counts: [SkipReason: Int] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: "\t", maxSplits: 1)
      if parts.count == 2, let count = Int(parts[0]),
        let reason = SkipReason(description: String(parts[1]))
      {
        counts[reason, default: 0] += count
      }
    }
    return counts
  }
}
