import Glibc
import Storage
import Tokenization

/// The head of a file that keeps a timeline: the tokens a model has read, and the keys and values it
/// made of them, so that another process need not read them again.
///
/// Format 1, little-endian. A head of 96 bytes:
///
///     0   8  "CARRELKV"
///     8   8  format
///     16  32 identity: SHA-256 of all that the bits depend on besides the tokens
///     48  8  bytes of the whole file
///     56  8  tokens
///     64  8  ring states, 0 to 2
///     72  16 the position each stands for, the end of the timeline first
///     88  8  0
///
/// Then the tokens (int32 each); for every layer without a window the tiles that hold them, at
/// most 64 at a time as `KeyValueCache.contents` gives them; for every ring state and every layer with a window the first
/// tile and the number of tiles (8 bytes each) and these tiles; at last a checksum (8 bytes) of all
/// that. How large tiles are follows from the model. A file is valid when every number lies within
/// what the model and the session allow, its size is what they add up to, and the checksum agrees;
/// any other is ignored. The checksum finds accidents: who may write to the folder, which is open to
/// its owner alone, could as well replace the program.
struct TimelineFile {
  static let magic = Array("CARRELKV".utf8)
  /// To be raised with every change of the layout, and of the arithmetic of any network: what is kept
  /// must be the bits that reading the tokens again would give.
  static let format = 3
  static let headBytes = 96
  static let mostRings = 2
  /// Tiles of a layer that are copied at once: 4,096 tokens.
  static let tilesAtOnce = 64

  var identity: [UInt8]
  var fileBytes: Int
  var tokens: Int
  /// Ends of the ring states.
  var rings: [Int]

  init(identity: [UInt8], fileBytes: Int, tokens: Int, rings: [Int]) {
    self.identity = identity
    self.fileBytes = fileBytes
    self.tokens = tokens
    self.rings = rings
  }

  /// nil for anything but a head of this format that makes sense.
  init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.headBytes, Array(bytes[..<8]) == Self.magic else { return nil }
    func number(_ place: Int) -> Int? {
      let value = bytes[place..<place + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return Int(exactly: value)
    }
    guard number(8) == Self.format, let size = number(48), let tokens = number(56), tokens > 0,
      let count = number(64), (0...Self.mostRings).contains(count), number(88) == 0
    else { return nil }
    identity = Array(bytes[16..<48])
    fileBytes = size
    self.tokens = tokens
    rings = []
    for ring in 0..<count {
      guard let end = number(72 + 8 * ring), end > 0, end <= tokens else { return nil }
      rings.append(end)
    }
    guard rings.isEmpty || rings[0] == tokens else { return nil }
  }

  var bytes: [UInt8] {
    let ends = rings + Array(repeating: 0, count: Self.mostRings - rings.count)
    return Self.magic + Self.little([Self.format]) + identity
      + Self.little([fileBytes, tokens, rings.count] + ends + [0])
  }

  static func little(_ numbers: [Int]) -> [UInt8] {
    numbers.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
  }
}

/// A checksum that runs as fast as memory: four lanes of multiplied words.
struct TimelineChecksum {
  private var lanes = SIMD4<UInt64>(1, 2, 3, 4)
  private static let factor: UInt64 = 0x9E37_79B9_7F4A_7C15

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var sum = lanes
    let factor = SIMD4<UInt64>(repeating: Self.factor)
    func mix(_ words: SIMD4<UInt64>) {
      sum = (sum ^ words) &* factor
      sum ^= sum &>> 29
    }
    let whole = bytes.count / 32 * 32
    for place in stride(from: 0, to: whole, by: 32) {
      mix(bytes.loadUnaligned(fromByteOffset: place, as: SIMD4<UInt64>.self))
    }
    var rest = SIMD4<UInt64>(0, 0, 0, UInt64(bytes.count))
    for place in whole..<bytes.count {
      rest[(place - whole) / 8] ^= UInt64(bytes[place]) << UInt64((place - whole) % 8 * 8)
    }
    mix(rest)
    lanes = sum
  }

  var value: Int {
    var sum: UInt64 = 0
    for lane in 0..<4 { sum = (sum ^ lanes[lane]) &* Self.factor ^ (sum >> 31) }
    return Int(truncatingIfNeeded: sum)
  }
}
