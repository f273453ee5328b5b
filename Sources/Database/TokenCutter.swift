import CSQLite
import Synchronization

/// A text's tokens in memory: for each its length, seven bits a byte, the lowest first, the highest bit
/// set where more follow; then its bytes.
enum TokenList {
  /// Hands on the tokens in their order until `body` returns something else than SQLITE_OK.
  /// - Returns: what `body` returned last; SQLITE_CORRUPT where the bytes are no list.
  @inline(__always)
  static func forEach(
    _ list: UnsafeRawBufferPointer, _ body: (UnsafePointer<CChar>, Int32) -> Int32
  ) -> Int32 {
    guard let base = list.baseAddress else { return SQLITE_OK }
    var index = 0
    while index < list.count {
      var length = Int(list[index])
      index += 1
      if length > 0x7f {
        length &= 0x7f
        var shift = 7
        while true {
          guard index < list.count, shift < 35 else { return SQLITE_CORRUPT }
          let byte = Int(list[index])
          index += 1
          length |= (byte & 0x7f) << shift
          shift += 7
          if byte < 0x80 { break }
        }
      }
      guard length <= list.count - index else { return SQLITE_CORRUPT }
      let status = body(
        (base + index).assumingMemoryBound(to: CChar.self), Int32(truncatingIfNeeded: length))
      if status != SQLITE_OK { return status }
      index += length
    }
    return SQLITE_OK
  }
}

/// Cuts texts into the tokens of `porter unicode61` without a table, so that it can be done on any thread
/// and the one that writes only enters them (`Connection.withTokenLists`).
///
/// Used by one thread at a time.
package final class TokenCutter {
  private let tokenizer: PorterTokenizer
  // Declared after the tokenizer, which must not outlive it: members are released in this order.
  private let database: OpenDatabase
  private var bytes: UnsafeMutableBufferPointer<UInt8>
  private var count = 0

  package init() throws(DatabaseError) {
    var handle: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX
    let result = sqlite3_open_v2(":memory:", &handle, flags, nil)
    guard result == SQLITE_OK, let handle else {
      sqlite3_close_v2(handle)
      throw DatabaseError.from(result, detail: "out of memory", path: ":memory:")
    }
    let database = OpenDatabase(handle: handle)
    guard let tokenizer = PorterTokenizer(on: handle) else {
      throw DatabaseError(
        .other, "This SQLite has no FTS5, so no words can be indexed. Install one that has.",
        path: ":memory:")
    }
    self.tokenizer = tokenizer
    self.database = database
    bytes = .allocate(capacity: 1 << 16)
  }

  deinit { bytes.deallocate() }

  /// Adds the tokens of a text to the list, and says where in it they lie.
  package func append(_ text: UnsafeRawBufferPointer) throws(DatabaseError) -> Range<Int> {
    let start = count
    guard let address = text.baseAddress, !text.isEmpty else { return start..<start }
    var status = SQLITE_TOOBIG
    if let length = Int32(exactly: text.count) {
      status = tokenizer.tokenize(
        Unmanaged.passUnretained(self).toOpaque(), FTS5_TOKENIZE_DOCUMENT,
        address.assumingMemoryBound(to: CChar.self), length, Self.take)
    }
    guard status == SQLITE_OK else {
      throw DatabaseError.from(status, detail: "cutting into words failed", path: ":memory:")
    }
    return start..<count
  }

  package func append(_ text: String) throws(DatabaseError) -> Range<Int> {
    var text = text
    do {
      return try text.withUTF8 { try append(UnsafeRawBufferPointer($0)) }
    } catch let error as DatabaseError {
      throw error
    } catch {
      return count..<count
    }
  }

  /// The list of everything appended since the last time.
  package func takeList() -> [UInt8] {
    defer { count = 0 }
    return Array(bytes[..<count])
  }

  /// Receives one token.
  private static let take: PorterTokenizer.Callback = { pointer, _, token, length, _, _ in
    guard let pointer, let token, length >= 0 else { return SQLITE_ERROR }
    Unmanaged<TokenCutter>.fromOpaque(pointer)._withUnsafeGuaranteedRef {
      $0.append(UnsafeRawPointer(token), Int(length))
    }
    return SQLITE_OK
  }

  @inline(__always)
  private func append(_ token: UnsafeRawPointer, _ length: Int) {
    if count + length + 5 > bytes.count { grow(to: count + length + 5) }
    guard let base = bytes.baseAddress else { return }
    var rest = length
    while rest > 0x7f {
      base[count] = UInt8(truncatingIfNeeded: rest) | 0x80
      count += 1
      rest >>= 7
    }
    base[count] = UInt8(truncatingIfNeeded: rest)
    count += 1
    (base + count).update(from: token.assumingMemoryBound(to: UInt8.self), count: length)
    count += length
  }

  private func grow(to size: Int) {
    let larger = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(size, bytes.count * 2))
    _ = larger.update(fromContentsOf: bytes[..<count])
    bytes.deallocate()
    bytes = larger
  }
}

/// Cutters lent to whoever reads: each knows the stems of the words it has seen.
package final class TokenCutters: @unchecked Sendable {
  // Used inside the lock only, which is what makes the class Sendable.
  private var idle: [TokenCutter] = []
  private let lock = Mutex(())

  package init() {}

  package func use<R>(_ body: (TokenCutter) throws -> R) throws -> R {
    let cutter = try lock.withLock { _ in idle.popLast() } ?? TokenCutter()
    defer { lock.withLock { _ in idle.append(cutter) } }
    return try body(cutter)
  }
}
