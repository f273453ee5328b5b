/// Bytes from a terminal in, keys out. Takes any split of the stream: a sequence may arrive in
/// pieces, and what is incomplete is kept until more bytes come or `flush` says that none will.
///
/// Understood: UTF-8; C0 controls; `ESC x` as Alt; CSI `ESC [ params final` and SS3 `ESC O final`
/// for arrows, Home, End, Insert, Delete, paging, with xterm's modifier parameter (`1;5C` is
/// Control-Right) and the CSI-u form (`13;2u` is Shift-Return); bracketed paste
/// `ESC[200~ … ESC[201~`. Malformed UTF-8 becomes one U+FFFD per maximal invalid part.
package struct KeyDecoder: Sendable {
  private enum State: Sendable, Equatable {
    case ground, escape, csi, ss3, paste
  }

  private var state = State.ground
  private var parameters: [UInt8] = []
  private var utf8: [UInt8] = []
  private var pasted: [UInt8] = []
  private var text = ""
  private static let pasteEnd: [UInt8] = Array("\u{1B}[201~".utf8)

  package init() {}

  /// True when bytes are held back: the caller should wait a moment (50 ms) and then `flush`.
  package var isPending: Bool {
    state == .escape || state == .csi || state == .ss3 || !utf8.isEmpty
  }

  package mutating func feed(_ bytes: some Sequence<UInt8>) -> [Key] {
    var keys: [Key] = []
    for byte in bytes { step(byte, &keys) }
    emitText(&keys)
    return keys
  }

  /// No more bytes for now: a lone escape is the Escape key, an unfinished sequence is dropped.
  package mutating func flush() -> [Key] {
    var keys: [Key] = []
    if !utf8.isEmpty { endInvalidText() }
    emitText(&keys)
    switch state {
    case .escape: keys.append(.escape)
    case .csi where parameters.isEmpty: keys.append(.meta("["))
    case .ss3: keys.append(.meta("O"))
    default: break
    }
    if state != .paste { state = .ground }
    parameters = []
    return keys
  }

  private mutating func step(_ byte: UInt8, _ keys: inout [Key]) {
    switch state {
    case .ground: ground(byte, &keys)
    case .escape: escape(byte, &keys)
    case .csi: csi(byte, &keys)
    case .ss3:
      state = .ground
      keys.append(Self.cursorKey(final: byte, modifier: 1))
    case .paste:
      pasted.append(byte)
      if byte == 0x7E, pasted.count >= Self.pasteEnd.count,
        pasted.suffix(Self.pasteEnd.count).elementsEqual(Self.pasteEnd)
      {
        pasted.removeLast(Self.pasteEnd.count)
        keys.append(.paste(Self.normalized(pasted)))
        pasted = []
        state = .ground
      }
    }
  }

  private mutating func ground(_ byte: UInt8, _ keys: inout [Key]) {
    if byte >= 0x80 {
      unicode(byte)
      return
    }
    if !utf8.isEmpty { endInvalidText() }
    if byte >= 0x20 && byte != 0x7F {
      text.unicodeScalars.append(Unicode.Scalar(byte))
      return
    }
    emitText(&keys)
    switch byte {
    case 0x1B: state = .escape
    case 0x0D, 0x0A: keys.append(.enter)
    case 0x09: keys.append(.tab)
    case 0x7F, 0x08: keys.append(.backspace)
    default: keys.append(.control(Self.controlName(byte)))
    }
  }

  private mutating func unicode(_ byte: UInt8) {
    if utf8.isEmpty {
      if (0xC2...0xF4).contains(byte) { utf8 = [byte] } else { text.append("\u{FFFD}") }
      return
    }
    guard byte & 0xC0 == 0x80 else {
      endInvalidText()
      unicode(byte)
      return
    }
    // The second byte decides overlong forms, surrogates and the upper bound.
    if utf8.count == 1 {
      let valid: ClosedRange<UInt8> =
        switch utf8[0] {
        case 0xE0: 0xA0...0xBF
        case 0xED: 0x80...0x9F
        case 0xF0: 0x90...0xBF
        case 0xF4: 0x80...0x8F
        default: 0x80...0xBF
        }
      guard valid.contains(byte) else {
        endInvalidText()
        unicode(byte)
        return
      }
    }
    utf8.append(byte)
    let length = utf8[0] < 0xE0 ? 2 : utf8[0] < 0xF0 ? 3 : 4
    if utf8.count == length {
      text += String(decoding: utf8, as: UTF8.self)
      utf8 = []
    }
  }

  private mutating func endInvalidText() {
    utf8 = []
    text.append("\u{FFFD}")
  }

  private mutating func emitText(_ keys: inout [Key]) {
    if text.isEmpty { return }
    keys.append(.text(text))
    text = ""
  }

  private mutating func escape(_ byte: UInt8, _ keys: inout [Key]) {
    state = .ground
    switch byte {
    case 0x5B:
      state = .csi
      parameters = []
    case 0x4F: state = .ss3
    case 0x1B:
      keys.append(.escape)
      state = .escape
    case 0x0D, 0x0A: keys.append(.newline)
    case 0x7F, 0x08: keys.append(.metaBackspace)
    case 0x20..<0x7F: keys.append(.meta(Character(Unicode.Scalar(byte))))
    case 0x80...0xFF:
      keys.append(.escape)
      ground(byte, &keys)
    default: keys.append(.unknown)
    }
  }

  private mutating func csi(_ byte: UInt8, _ keys: inout [Key]) {
    switch byte {
    case 0x20...0x3F:
      // Longer than any sequence a terminal sends: keep the state, forget the parameters.
      if parameters.count < 64 { parameters.append(byte) }
    case 0x40...0x7E:
      state = .ground
      finishCSI(byte, &keys)
      parameters = []
    case 0x1B:
      state = .escape
      parameters = []
    default:
      state = .ground
      parameters = []
      ground(byte, &keys)
    }
  }

  private mutating func finishCSI(_ final: UInt8, _ keys: inout [Key]) {
    let numbers = parameters.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
      .map { Int(String(decoding: $0, as: UTF8.self)) ?? 1 }
    let first = numbers.first ?? 1
    let modifier = numbers.count > 1 ? numbers[1] : 1
    switch final {
    case UInt8(ascii: "~"):
      switch first {
      case 200:
        state = .paste
        pasted = []
      case 1, 7: keys.append(.home)
      case 4, 8: keys.append(.end)
      case 3: keys.append(modifier == 3 || modifier == 5 ? .meta("d") : .delete)
      case 5: keys.append(.pageUp)
      case 6: keys.append(.pageDown)
      default: keys.append(.unknown)
      }
    case UInt8(ascii: "Z"): keys.append(.backTab)
    case UInt8(ascii: "u"): keys.append(Self.extendedKey(code: first, modifier: modifier))
    default: keys.append(Self.cursorKey(final: final, modifier: modifier))
    }
  }

  private static func cursorKey(final: UInt8, modifier: Int) -> Key {
    let byWord = modifier == 3 || modifier == 5 || modifier == 7
    switch final {
    case UInt8(ascii: "A"): return .up
    case UInt8(ascii: "B"): return .down
    case UInt8(ascii: "C"): return byWord ? .wordRight : .right
    case UInt8(ascii: "D"): return byWord ? .wordLeft : .left
    case UInt8(ascii: "H"): return .home
    case UInt8(ascii: "F"): return .end
    case UInt8(ascii: "M"): return .enter
    default: return .unknown
    }
  }

  /// CSI-u: a scalar value and a modifier (1 + shift 1, alt 2, control 4).
  private static func extendedKey(code: Int, modifier: Int) -> Key {
    let bits = max(1, modifier) - 1
    switch code {
    case 13: return bits & 3 != 0 ? .newline : .enter
    case 9: return bits & 1 != 0 ? .backTab : .tab
    case 127, 8: return bits & 6 != 0 ? .metaBackspace : .backspace
    case 27: return .escape
    case 0x20...0x7E:
      let character = Character(Unicode.Scalar(UInt8(code)))
      if bits & 4 != 0 { return .control(Character(character.lowercased())) }
      return bits & 2 != 0 ? .meta(character) : .text(String(character))
    default: return .unknown
    }
  }

  private static func controlName(_ byte: UInt8) -> Character {
    let shifted = byte + 0x40
    return Character(Unicode.Scalar(shifted >= 0x41 && shifted <= 0x5A ? shifted + 0x20 : shifted))
  }

  /// Terminals send Return for a line break inside a paste; the buffer wants newlines.
  private static func normalized(_ bytes: [UInt8]) -> String {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    for (index, byte) in bytes.enumerated() {
      if byte == 0x0D {
        result.append(0x0A)
      } else if byte == 0x0A, index > 0, bytes[index - 1] == 0x0D {
        continue
      } else {
        result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
