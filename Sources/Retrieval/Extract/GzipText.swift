/// Unpacks gzip files (RFC 1952): one member or several, sizes and checksums checked.
///
/// A bomb is bounded three ways: by `limit`, by the ratio of the two sizes, and by time, which is
/// linear in what comes out.
enum GzipText {
  /// Bytes of text taken from one file.
  static let limit = 64 << 20
  /// DEFLATE packs at most 1032 to 1; text packs 3 to 30. Past the first MiB more is no text.
  static let mostRatio = 200

  enum Outcome {
    case bytes([UInt8])
    case failed(SkipReason)
  }

  static func isGzip(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count >= 18 && bytes[0] == 0x1f && bytes[1] == 0x8b && bytes[2] == 8
  }

  static func unpack(_ bytes: UnsafeRawBufferPointer) -> Outcome {
    let most = min(limit, max(1 << 20, bytes.count * mostRatio))
    var result: [UInt8] = []
    var position = 0
    while position < bytes.count {
      // Zeros after the last member are padding.
      if position > 0, bytes[position...].allSatisfy({ $0 == 0 }) { break }
      guard let start = headerEnd(bytes, from: position) else {
        return failed("the gzip header is damaged")
      }
      var inflate = Inflate(bytes, from: start, limit: most - result.count)
      do {
        try inflate.run()
      } catch {
        return error == .tooLarge
          ? failed("it unpacks to more than \(most >> 20) MiB")
          : failed("the gzip data are damaged")
      }
      let end = inflate.position
      guard end + 8 <= bytes.count else { return failed("the gzip data are damaged") }
      let sum = bytes.loadUnaligned(fromByteOffset: end, as: UInt32.self).littleEndian
      let size = bytes.loadUnaligned(fromByteOffset: end + 4, as: UInt32.self).littleEndian
      let text = inflate.output[..<inflate.count]
      guard size == UInt32(truncatingIfNeeded: text.count), sum == checksum(text) else {
        return failed("the gzip checksum is wrong")
      }
      result.append(contentsOf: text)
      position = end + 8
    }
    return .bytes(result)
  }

  private static func failed(_ sentence: String) -> Outcome { .failed(.conversionFailed(sentence)) }

  /// The byte after a member's header; nil when there is none.
  private static func headerEnd(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    guard start + 18 <= bytes.count, bytes[start] == 0x1f, bytes[start + 1] == 0x8b,
      bytes[start + 2] == 8
    else { return nil }
    let flags = bytes[start + 3]
    var position = start + 10
    if flags & 4 != 0 {
      position += 2 + Int(bytes[position]) + Int(bytes[position + 1]) << 8
    }
    // Name and comment end in a NUL.
    for flag: UInt8 in [8, 16] where flags & flag != 0 {
      guard position < bytes.count, let end = bytes[position...].firstIndex(of: 0) else {
        return nil
      }
      position = end + 1
    }
    if flags & 2 != 0 { position += 2 }
    return position < bytes.count ? position : nil
  }

  /// CRC-32 as in RFC 1952, section 8, four bytes a step.
  private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var sum: UInt32 = 0xffff_ffff
    bytes.withUnsafeBytes { data in
      tables.withUnsafeBufferPointer { tables in
        var index = 0
        while index + 4 <= data.count {
          sum ^= data.loadUnaligned(fromByteOffset: index, as: UInt32.self).littleEndian
          sum =
            tables[768 + Int(sum & 255)] ^ tables[512 + Int(sum >> 8 & 255)]
            ^ tables[256 + Int(sum >> 16 & 255)] ^ tables[Int(sum >> 24)]
          index += 4
        }
        while index < data.count {
          sum = tables[Int((sum ^ UInt32(data[index])) & 255)] ^ sum >> 8
          index += 1
        }
      }
    }
    return ~sum
  }

  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 1024)
    for value in 0..<256 {
      var sum = UInt32(value)
      for _ in 0..<8 { sum = sum & 1 != 0 ? 0xedb8_8320 ^ sum >> 1 : sum >> 1 }
      tables[value] = sum
    }
    for value in 0..<256 {
      for table in 1..<4 {
        let before = tables[(table - 1) * 256 + value]
        tables[table * 256 + value] = tables[Int(before & 255)] ^ before >> 8
      }
    }
    return tables
  }()
}
