// SHA-1 (FIPS 180-4), for one purpose: git names the content of a file by it. It guards against
// accidents, not against an adversary; weights are LFS files and have a SHA-256.

import Glibc
import Storage

/// The object id git gives to a file: SHA-1 over `"blob <size>\0"` and the bytes.
package struct GitBlobHash: Sendable {
  private var state: (UInt32, UInt32, UInt32, UInt32, UInt32) = (
    0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0
  )
  private var pending: [UInt8] = []
  private var length: UInt64 = 0

  /// - Parameter size: of the whole content, in bytes.
  package init(size: Int) {
    pending.reserveCapacity(128)
    let header = Array("blob \(size)".utf8) + [0]
    header.withUnsafeBytes { update($0) }
  }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    length &+= UInt64(bytes.count)
    var rest = bytes
    if !pending.isEmpty {
      let taken = min(64 - pending.count, rest.count)
      pending.append(contentsOf: rest[..<taken])
      rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
      guard pending.count == 64 else { return }
      pending.withUnsafeBytes { compress($0) }
      pending.removeAll(keepingCapacity: true)
    }
    while rest.count >= 64 {
      compress(rest)
      rest = UnsafeRawBufferPointer(rebasing: rest[64...])
    }
    pending.append(contentsOf: rest)
  }

  /// 40 hexadecimal digits. The value must not be fed after this.
  package mutating func finalize() -> String {
    let bits = length &* 8
    var tail = pending
    tail.append(0x80)
    while tail.count % 64 != 56 { tail.append(0) }
    for shift in stride(from: UInt64(56), through: 0, by: -8) {
      tail.append(UInt8(truncatingIfNeeded: bits >> shift))
    }
    tail.withUnsafeBytes { whole in
      for start in stride(from: 0, to: whole.count, by: 64) {
        compress(UnsafeRawBufferPointer(rebasing: whole[start...]))
      }
    }
    var digest: [UInt8] = []
    for word in [state.0, state.1, state.2, state.3, state.4] {
      for shift in stride(from: UInt32(24), through: 0, by: -8) {
        digest.append(UInt8(truncatingIfNeeded: word >> shift))
      }
    }
    return SHA256.hex(digest)
  }

  /// The object id of a file's content; `size` is the size it should have. A file of another size
  /// has another id, whatever its bytes. Stops with ``StorageError/Code/cancelled`` when `progress`
  /// returns false.
  package static func hexDigest(
    ofFile path: String, size: Int, progress: ((Int) -> Bool)? = nil
  ) throws(StorageError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw StorageError(errno: errno, while: "open", path: path) }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    var hash = GitBlobHash(size: size)
    var done = 0
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw StorageError(errno: errno, while: "read", path: path)
      }
      if count == 0 { return hash.finalize() }
      buffer.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      done += count
      if let progress, !progress(done) {
        throw StorageError(.cancelled, "stopped while its git id was computed", path: path)
      }
    }
  }

  /// One 64-byte block: the first of `block`.
  private mutating func compress(_ block: UnsafeRawBufferPointer) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { w in
      for i in 0..<16 {
        w[i] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: i * 4, as: UInt32.self))
      }
      for i in 16..<80 { w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1) }
      var (a, b, c, d, e) = state
      for i in 0..<80 {
        let (mixed, constant): (UInt32, UInt32) =
          switch i {
          case 0..<20: ((b & c) | (~b & d), 0x5a82_7999)
          case 20..<40: (b ^ c ^ d, 0x6ed9_eba1)
          case 40..<60: ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc)
          default: (b ^ c ^ d, 0xca62_c1d6)
          }
        let next = rotate(a, 5) &+ mixed &+ e &+ constant &+ w[i]
        (a, b, c, d, e) = (next, a, rotate(b, 30), c, d)
      }
      state = (state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d, state.4 &+ e)
    }
  }
}

@inline(__always)
private func rotate(_ x: UInt32, _ n: UInt32) -> UInt32 { (x &<< n) | (x &>> (32 &- n)) }
