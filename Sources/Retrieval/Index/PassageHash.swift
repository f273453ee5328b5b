import Storage

/// What names a vector: the first 16 bytes of SHA-256 of what was embedded.
struct PassageHash: Hashable, Sendable {
  private let high: UInt64
  private let low: UInt64

  /// Of a passage that is not embedded.
  static let none = PassageHash()

  private init() { (high, low) = (0, 0) }

  /// - Parameters:
  ///   - context: headings and title put before the passage, "" for none.
  ///   - body: the passage, lent for the call.
  init(context: String, body: UnsafeRawBufferPointer) {
    var digest = SHA256()
    if !context.isEmpty {
      var line = context + "\n"
      line.withUTF8 { digest.update(UnsafeRawBufferPointer($0)) }
    }
    digest.update(body)
    let words = digest.finalize().withUnsafeBytes {
      ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }
    high = words.0
    low = words.1
  }

  /// The 16 bytes in the order of the digest.
  var bytes: [UInt8] {
    withUnsafeBytes(of: (high, low)) { Array($0) }
  }

  // Half of a digest is as good a hash as any.
  func hash(into hasher: inout Hasher) { hasher.combine(high) }
}
