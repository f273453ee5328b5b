/// The header of a message while it is being written: the role's part, then what follows each
/// `<|channel|>` and `<|constrain|>`. Bytes, because a token may end inside a character.
struct HarmonyHeader: Sendable {
  enum Marker: Sendable { case role, channel, constrain }

  struct Segment: Sendable {
    var marker: Marker
    var bytes: [UInt8] = []
  }

  /// Never empty; the first is the role's part.
  private(set) var segments = [Segment(marker: .role)]
  /// Whether `<|start|>` opened it, so that its first word names the role. A generation's first
  /// header has its role from the prompt.
  var namesRole: Bool
  private(set) var tokenCount = 0

  init(namesRole: Bool) {
    self.namesRole = namesRole
  }

  mutating func mark(_ marker: Marker) {
    segments.append(Segment(marker: marker))
    tokenCount += 1
  }

  mutating func append(_ bytes: [UInt8]) {
    segments[segments.count - 1].bytes += bytes
    tokenCount += 1
  }

  var isBlank: Bool { segments.count == 1 && segments[0].bytes.allSatisfy(\.isSpace) }

  var byteCount: Int { segments.reduce(0) { $0 + $1.bytes.count } }

  /// The role when the header so far names one the model must not speak for (H36).
  var foreignRole: String? {
    guard namesRole, segments.count == 1 else { return nil }
    let word = String(decoding: segments[0].bytes, as: UTF8.self).trimmed.lowercased()
    return Self.foreignRoles.contains(word) ? word : nil
  }

  static let foreignRoles: Set<String> = ["user", "system", "developer"]
}

/// The three channels of the format.
enum KnownChannel: String, Sendable, CaseIterable {
  case analysis, commentary, final
}

extension UInt8 {
  /// ASCII white space, which is what separates the words of a header.
  var isSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}
