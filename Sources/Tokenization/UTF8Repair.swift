/// Turns bytes that arrive in arbitrary cuts into valid text.
///
/// Every maximal run of invalid bytes becomes exactly one U+FFFD, wherever the cuts fall. Bytes
/// that may still become a scalar are held back until it is whole or cannot be any more.
package struct UTF8Repair: Sendable {
  /// The bytes of an unfinished scalar, first in the lowest byte.
  private var held: UInt32 = 0
  private var heldCount = 0
  /// How many bytes the unfinished scalar will have.
  private var wanted = 0
  /// Whether the last thing decided was an invalid byte, so that its U+FFFD is already out.
  private var insideInvalidRun = false

  package init() {}

  /// Takes more bytes and appends to `output` what is certain.
  package mutating func feed(_ bytes: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) {
    for byte in bytes { feed(byte, into: &output) }
  }

  /// Takes something that is no text at all, such as a token id outside the vocabulary.
  package mutating func feedInvalid(into output: inout [UInt8]) {
    drop(into: &output)
    reject(into: &output)
  }

  /// Ends the text: an unfinished scalar becomes part of an invalid run.
  package mutating func finish(into output: inout [UInt8]) {
    drop(into: &output)
    insideInvalidRun = false
  }

  /// The repaired text of some bytes.
  package static func string(_ bytes: [UInt8]) -> String {
    var repair = UTF8Repair()
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    bytes.withUnsafeBufferPointer { repair.feed($0, into: &output) }
    repair.finish(into: &output)
    return String(decoding: output, as: UTF8.self)
  }

  private mutating func feed(_ byte: UInt8, into output: inout [UInt8]) {
    if heldCount > 0 {
      if Self.continues(byte, first: UInt8(truncatingIfNeeded: held), at: heldCount) {
        held |= UInt32(byte) << UInt32(8 * heldCount)
        heldCount += 1
        if heldCount == wanted {
          for index in 0..<heldCount {
            output.append(UInt8(truncatingIfNeeded: held >> UInt32(8 * index)))
          }
          heldCount = 0
          insideInvalidRun = false
        }
        return
      }
      drop(into: &output)
    }
    if byte < 0x80 {
      output.append(byte)
      insideInvalidRun = false
      return
    }
    wanted = Self.length(first: byte)
    if wanted == 0 {
      reject(into: &output)
    } else {
      held = UInt32(byte)
      heldCount = 1
    }
  }

  private mutating func drop(into output: inout [UInt8]) {
    guard heldCount > 0 else { return }
    heldCount = 0
    reject(into: &output)
  }

  private mutating func reject(into output: inout [UInt8]) {
    if !insideInvalidRun { output.append(contentsOf: [0xEF, 0xBF, 0xBD]) }
    insideInvalidRun = true
  }

  /// The length of a scalar that begins with this byte; 0 for a byte that begins none.
  private static func length(first: UInt8) -> Int {
    switch first {
    case 0xC2...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF4: 4
    default: 0
    }
  }

  /// Whether `byte` may be byte number `index` of a scalar (Unicode table 3-7).
  private static func continues(_ byte: UInt8, first: UInt8, at index: Int) -> Bool {
    guard byte & 0xC0 == 0x80 else { return false }
    guard index == 1 else { return true }
    switch first {
    case 0xE0: return byte >= 0xA0
    case 0xED: return byte < 0xA0
    case 0xF0: return byte >= 0x90
    case 0xF4: return byte < 0x90
    default: return true
    }
  }
}
