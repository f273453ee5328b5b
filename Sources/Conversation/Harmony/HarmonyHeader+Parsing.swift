/// What a header says, after all repairs.
struct ParsedHeader: Equatable {
  enum Speaker: Equatable {
    case assistant
    /// `user`, `system` or `developer` (H36).
    case foreign(String)
    /// A tool's name (H37).
    case tool(String)
  }

  var speaker = Speaker.assistant
  var known: KnownChannel?
  /// As the record keeps it: a known name, or an unknown one as written.
  var channel: String?
  /// Whether there was a channel that is not known, or an empty one.
  var hasUnknownChannel = false
  var recipient: String?
  var contentType: String?
  /// Words that belong nowhere: kept as reasoning (H26).
  var stray: [UInt8] = []
  /// How many of the header's bytes are in `stray`, which has a space between two words.
  var strayCount = 0
  /// Text behind a header that `<|message|>` did not close (H6).
  var body: [UInt8] = []
  /// Bytes of words that mean nothing and are left out (H23, H52).
  var discarded = 0
  var recoveries: [HarmonyRecovery] = []

  /// Recipients that are no tools.
  var toolRecipient: String? {
    guard let recipient, !["assistant", "user", "all"].contains(recipient) else { return nil }
    return recipient
  }
}

/// How a header ended.
enum HeaderClosing: Equatable {
  /// `<|message|>`: all of it is header.
  case message
  /// A boundary token, or too many tokens: text behind the header is the body.
  case boundary
  /// The stream broke off; the last word may be half a word.
  case cut
}

extension HarmonyHeader {
  /// Reads the header. Rules H6 to H29, H34, H35 and H52 are decided here; see each step.
  func parsed(_ closing: HeaderClosing, offered: OfferedTools) -> ParsedHeader {
    var reader = HeaderReader(closing: closing, offered: offered)
    for (index, segment) in segments.enumerated() {
      let isLast = index == segments.count - 1
      switch segment.marker {
      case .role: reader.readRole(segment.bytes, namesRole: namesRole, isLast: isLast)
      case .channel: reader.readChannel(segment.bytes, isLast: isLast)
      case .constrain: reader.readConstraint(segment.bytes, isLast: isLast)
      }
    }
    return reader.finish()
  }
}
