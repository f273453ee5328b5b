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

/// Reads the segments of one header in order.
private struct HeaderReader {
  /// What the words of a header turned out to be, in order.
  private enum Item {
    case recipient
    case type
    case stray(ArraySlice<UInt8>)
  }

  let closing: HeaderClosing
  let offered: OfferedTools
  private var header = ParsedHeader()
  private var items: [Item] = []
  private var channelCount = 0

  init(closing: HeaderClosing, offered: OfferedTools) {
    self.closing = closing
    self.offered = offered
  }

  // MARK: Role

  mutating func readRole(_ bytes: [UInt8], namesRole: Bool, isLast: Bool) {
    var words = Words(bytes[...])
    let start = words
    guard let first = words.next() else {
      if namesRole { header.recoveries.append(.missingRole) }  // H34
      return
    }
    let lowered = first.text.lowercased()
    let role = String(lowered.prefix { $0 != ":" })
    var lookahead = words
    let second = lookahead.next()?.text
    if role == "assistant" {
      // Expected after `<|start|>`; harmless where the prompt has said it already.
    } else if namesRole, HarmonyHeader.foreignRoles.contains(role) {
      header.speaker = .foreign(role)
    } else if namesRole, lowered == "tool" || second == "to=assistant" || isToolName(first.text) {
      header.speaker = .tool(first.text)
    } else if let channel = KnownChannel(rawValue: lowered),
      namesRole || closing == .message && second == nil
    {
      take(channel)
      header.recoveries.append(.channelAsRole)  // H35
    } else if lowered.hasPrefix("assistant"),
      let channel = KnownChannel(rawValue: String(lowered.dropFirst("assistant".count)))
    {
      take(channel)
      header.recoveries.append(.channelAsRole)
    } else {
      if namesRole { header.recoveries.append(.missingRole) }
      if closing == .cut, namesRole, isLast, second == nil, "assistant".hasPrefix(lowered) {
        header.discarded += first.bytes.count
      } else {
        words = start
      }
    }
    readWords(words, isLast: isLast)
  }

  private func isToolName(_ word: String) -> Bool {
    word.hasPrefix("functions.") || word.hasPrefix("browser.") || word == "python"
      || word == "browser" || (offered != .anyFunction && offered.resolve(word) != nil)
  }

  // MARK: Channel

  mutating func readChannel(_ bytes: [UInt8], isLast: Bool) {
    channelCount += 1
    let text = bytes.drop(while: \.isSpace)
    if text.count < bytes.count { header.recoveries.append(.emptyChannel) }  // H25
    let end = text.firstIndex { $0.isSpace || $0 == UInt8(ascii: "<") } ?? text.endIndex
    let word = text[..<end]
    let name = String(decoding: word, as: UTF8.self)
    if word.isEmpty || name.hasPrefix("to=") {
      header.recoveries.append(.emptyChannel)
      header.hasUnknownChannel = true
      readWords(Words(text), isLast: isLast)
      return
    }
    // H7, H23, H24: the longest known name it begins with, in any case of letters.
    let lowered = name.lowercased()
    if let channel = KnownChannel.allCases.first(where: { lowered.hasPrefix($0.rawValue) }) {
      if !name.hasPrefix(channel.rawValue) { header.recoveries.append(.channelCase) }
      take(channel)
      let glued = word.dropFirst(channel.rawValue.utf8.count)
      if glued.isEmpty {
        readWords(Words(text[end...]), isLast: isLast)
        return
      }
      header.recoveries.append(.gluedChannel)
      let isPunctuation = glued.allSatisfy { $0 < 0x80 && !$0.isLetterOrDigit }
      if isPunctuation, closing == .message || text[end...].allSatisfy(\.isSpace) {
        header.discarded += glued.count
        readWords(Words(text[end...]), isLast: isLast)
      } else {
        readWords(Words(text[glued.startIndex...]), isLast: isLast, afterGlue: true)
      }
      return
    }
    header.recoveries.append(.unknownChannel)
    header.hasUnknownChannel = true
    readUnknownChannel(name, text, end, isLast: isLast)
  }

  /// H22: a single unknown word is a channel's name. H26: several words are text.
  private mutating func readUnknownChannel(
    _ name: String, _ text: ArraySlice<UInt8>, _ end: Int, isLast: Bool
  ) {
    var probe = self
    probe.items = []
    probe.readWords(Words(text[end...]), isLast: isLast)
    let hasFreeText =
      !probe.header.body.isEmpty
      || probe.items.contains { if case .stray = $0 { true } else { false } }
    if hasFreeText {
      readWords(Words(text), isLast: isLast)
    } else if closing == .message || closing == .cut {
      if header.known == nil { header.channel = name }
      readWords(Words(text[end...]), isLast: isLast)
    } else {
      // `<|channel|>word<|end|>`: more likely lost text than a message without any.
      readWords(Words(text), isLast: isLast)
    }
  }

  /// H27: of several channels the last known one counts.
  private mutating func take(_ channel: KnownChannel) {
    header.known = channel
    header.channel = channel.rawValue
  }

  // MARK: Constraint

  /// H52: behind `<|constrain|>` only a content type counts.
  mutating func readConstraint(_ bytes: [UInt8], isLast: Bool) {
    var words = Words(bytes[...])
    let start = words
    guard let first = words.next() else { return }
    var lookahead = words
    let isOnlyWord = lookahead.next() == nil
    let isType = ContentType.known.contains(first.text.lowercased())
    if first.text.hasPrefix("to=") {
      readWords(start, isLast: isLast)
      return
    }
    if isType || isOnlyWord {
      header.contentType = "<|constrain|>" + first.text
      items.append(.type)
      if closing != .message, isLast {
        header.body += words.rest
        return
      }
    } else {
      header.discarded += first.bytes.count
      header.recoveries.append(.strayHeaderText)
    }
    while let word = words.next() {
      if word.text.hasPrefix("to=") {
        takeRecipient(String(word.text.dropFirst(3)))
      } else {
        header.discarded += word.bytes.count
        if header.recoveries.last != .strayHeaderText { header.recoveries.append(.strayHeaderText) }
      }
    }
  }

  // MARK: Words

  /// Reads recipients and content types; anything else is stray, or, behind a header that was
  /// never closed, the beginning of the body.
  private mutating func readWords(_ words: Words, isLast: Bool, afterGlue: Bool = false) {
    var words = words
    let mayBeBody = isLast && closing != .message
    while true {
      let here = words
      guard let word = words.next() else { return }
      if word.text == "to=", let name = words.next() {
        takeRecipient(name.text)
      } else if word.text.hasPrefix("to="), word.text.count > 3, !afterGlue {
        // A body glued to the name: `to=functions.f{"a":1}`.
        let value = word.bytes.dropFirst(3)
        let brace = value.firstIndex(of: UInt8(ascii: "{")) ?? value.endIndex
        takeRecipient(String(decoding: value[..<brace], as: UTF8.self))
        if brace < value.endIndex {
          if mayBeBody {
            header.body += words.all[brace...]
            return
          }
          items.append(.stray(value[brace...]))
        }
      } else if mayBeBody {
        if header.recipient != nil, ContentType.known.contains(word.text.lowercased()) {
          header.contentType = word.text
        } else {
          header.body += here.rest
          return
        }
      } else if word.text.hasPrefix("functions."), header.recipient == nil,
        offered.resolve(word.text) != nil
      {
        takeRecipient(word.text)
      } else if ContentType.known.contains(word.text.lowercased()), header.contentType == nil {
        header.contentType = word.text
        items.append(.type)
      } else {
        items.append(.stray(word.bytes))
      }
    }
  }

  /// H13: the later recipient counts.
  private mutating func takeRecipient(_ name: String) {
    if header.recipient != nil { header.recoveries.append(.doubleRecipient) }
    header.recipient = name
    items.append(.recipient)
  }

  // MARK: The whole

  mutating func finish() -> ParsedHeader {
    if channelCount > 1 {
      header.recoveries.append(.duplicateChannel)  // H27 to H29
      if header.toolRecipient == nil { header.recipient = nil }
    }
    // A last single word behind a recipient is its content type, whatever it says.
    if closing == .message, header.contentType == nil, case .stray(let word)? = items.last,
      items.count >= 2, case .recipient = items[items.count - 2],
      items.dropLast().allSatisfy({ if case .stray = $0 { false } else { true } })
    {
      header.contentType = String(decoding: word, as: UTF8.self)
      items.removeLast()
    }
    for case .stray(let bytes) in items {
      if !header.stray.isEmpty { header.stray.append(0x20) }
      header.stray += bytes
      header.strayCount += bytes.count
    }
    if !header.stray.isEmpty { header.recoveries.append(.strayHeaderText) }
    if header.known != nil { header.hasUnknownChannel = false }
    return header
  }
}

/// Content types that are told from other words without a recipient in front of them.
enum ContentType {
  static let known: Set<String> = ["json", "code", "text", "python"]
}

/// The words of a part of a header, split at ASCII white space.
private struct Words {
  let all: ArraySlice<UInt8>
  private var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    all = bytes
    position = bytes.startIndex
  }

  /// What has not been read, without the white space in front of it.
  var rest: ArraySlice<UInt8> { all[position...].drop(while: \.isSpace) }

  mutating func next() -> (text: String, bytes: ArraySlice<UInt8>)? {
    let rest = rest
    guard !rest.isEmpty else { return nil }
    let end = rest.firstIndex(where: \.isSpace) ?? rest.endIndex
    position = end
    return (String(decoding: rest[..<end], as: UTF8.self), rest[..<end])
  }
}

extension UInt8 {
  fileprivate var isLetterOrDigit: Bool {
    (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
  }
}
