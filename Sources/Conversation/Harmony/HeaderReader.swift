/// Reads the segments of one header in order.
struct HeaderReader {
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
    var words = HeaderWords(bytes[...])
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
    // H35 again, with the role in its place: `assistant final`.
    var behindRole = words
    if role == "assistant", let word = behindRole.next(),
      let channel = KnownChannel(rawValue: word.text.lowercased()),
      namesRole || closing == .message
    {
      take(channel)
      header.recoveries.append(.channelAsRole)
      words = behindRole
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
    if word.isEmpty || name.lowercased().hasPrefix("to=") {
      header.recoveries.append(.emptyChannel)
      header.hasUnknownChannel = true
      readWords(HeaderWords(text), isLast: isLast)
      return
    }
    // H7, H23, H24: the longest known name it begins with, in any case of letters.
    let lowered = name.lowercased()
    if let channel = KnownChannel.allCases.first(where: { lowered.hasPrefix($0.rawValue) }) {
      if !name.hasPrefix(channel.rawValue) { header.recoveries.append(.channelCase) }
      take(channel)
      let glued = word.dropFirst(channel.rawValue.utf8.count)
      if glued.isEmpty {
        readWords(HeaderWords(text[end...]), isLast: isLast)
        return
      }
      header.recoveries.append(.gluedChannel)
      let isPunctuation = glued.allSatisfy { $0 < 0x80 && !$0.isLetterOrDigit }
      if isPunctuation, closing == .message || text[end...].allSatisfy(\.isSpace) {
        header.discarded += glued.count
        readWords(HeaderWords(text[end...]), isLast: isLast)
      } else {
        readWords(HeaderWords(text[glued.startIndex...]), isLast: isLast, afterGlue: true)
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
    probe.readWords(HeaderWords(text[end...]), isLast: isLast)
    let hasFreeText =
      !probe.header.body.isEmpty
      || probe.items.contains { if case .stray = $0 { true } else { false } }
    if hasFreeText {
      readWords(HeaderWords(text), isLast: isLast)
    } else if closing == .message || closing == .cut {
      if header.known == nil { header.channel = name }
      readWords(HeaderWords(text[end...]), isLast: isLast)
    } else {
      // `<|channel|>word<|end|>`: more likely lost text than a message without any.
      readWords(HeaderWords(text), isLast: isLast)
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
    var words = HeaderWords(bytes[...])
    let start = words
    guard let first = words.next() else { return }
    var lookahead = words
    let isOnlyWord = lookahead.next() == nil
    if first.text.lowercased().hasPrefix("to=") {
      readWords(start, isLast: isLast)
      return
    }
    let type = ContentType.prefix(of: first.bytes)
    if let type, type.count < first.bytes.count {
      // Arguments glued to the type: `json{"a":1}`.
      header.contentType = "<|constrain|>" + String(decoding: type, as: UTF8.self)
      items.append(.type)
      if closing != .message, isLast {
        header.body += start.all[type.endIndex...]
        return
      }
      header.discarded += first.bytes.count - type.count
      header.recoveries.append(.strayHeaderText)
    } else if type != nil || isOnlyWord {
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
      if word.text.lowercased().hasPrefix("to=") {
        takeRecipient(String(decoding: word.bytes.dropFirst(3), as: UTF8.self))
      } else {
        header.discarded += word.bytes.count
        if header.recoveries.last != .strayHeaderText { header.recoveries.append(.strayHeaderText) }
      }
    }
  }

  // MARK: HeaderWords

  /// Reads recipients and content types; anything else is stray, or, behind a header that was
  /// never closed, the beginning of the body.
  private mutating func readWords(_ words: HeaderWords, isLast: Bool, afterGlue: Bool = false) {
    var words = words
    let mayBeBody = isLast && closing != .message
    while true {
      let here = words
      guard let word = words.next() else { return }
      let lowered = word.text.lowercased()
      if lowered == "to=", let name = words.next() {
        takeRecipient(name.text)
      } else if lowered.hasPrefix("to="), word.bytes.count > 3, !afterGlue {
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
        if header.recipient != nil, ContentType.known.contains(lowered) {
          header.contentType = word.text
        } else {
          header.body += here.rest
          return
        }
      } else if word.text.hasPrefix("functions."), header.recipient == nil,
        offered.resolve(word.text) != nil
      {
        takeRecipient(word.text)
      } else if ContentType.known.contains(lowered), header.contentType == nil {
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
