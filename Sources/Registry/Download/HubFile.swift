// One file of a repository as the Hub's tree lists it, and how its content is recognised.

import Storage

/// What the bytes must be: the name of the blob in the cache, and the check after a download.
package enum ContentHash: Sendable, Hashable, Codable {
  /// Of the bytes; large files (LFS, Xet). 64 hexadecimal digits.
  case sha256(String)
  /// Of `"blob <size>\0"` and the bytes; small files kept in git itself. 40 hexadecimal digits.
  case gitBlob(String)

  /// As it names a file under `blobs/`.
  package var hex: String {
    switch self {
    case .sha256(let hex), .gitBlob(let hex): hex
    }
  }
}

package struct HubFile: Sendable, Hashable {
  /// Inside the repository, `/` between folders.
  package let path: String
  /// Bytes.
  package let size: Int
  package let hash: ContentHash

  /// `nil` unless the path stays inside the repository and the hash can name a file: both come from
  /// a server and end up as paths on this machine.
  package init?(path: String, size: Int, hash: ContentHash) {
    guard Self.isSafePath(path), size >= 0 else { return nil }
    switch hash {
    case .sha256(let hex): guard HubReference.isHex(hex, digits: 64) else { return nil }
    case .gitBlob(let hex): guard HubReference.isHex(hex, digits: 40) else { return nil }
    }
    self.path = path
    self.size = size
    self.hash = hash
  }

  /// Relative, without empty, `.` or `..` parts, and without bytes a path cannot hold.
  package static func isSafePath(_ path: String) -> Bool {
    guard !path.isEmpty, path.utf8.count <= 1024,
      !path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f || $0 == 0x5c })
    else { return false }
    return path.split(separator: "/", omittingEmptySubsequences: false)
      .allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && $0.utf8.count <= 255 }
  }

  /// The name without its folders.
  package var name: String { path.split(separator: "/").last.map(String.init) ?? path }

  /// Hashes the file at `path` and compares; nil when it is this file, else the digest found.
  /// `progress` is told the bytes read so far and stops the work by returning false.
  package func mismatch(
    at path: String, progress: ((Int) -> Bool)? = nil
  ) throws(StorageError) -> String? {
    let found: String
    switch hash {
    case .sha256: found = try SHA256.hexDigest(ofFile: path, progress: progress)
    case .gitBlob: found = try GitBlobHash.hexDigest(ofFile: path, size: size, progress: progress)
    }
    return found == hash.hex ? nil : found
  }
}
