// Remembering that a file's digest was compared, so that twelve gigabytes are not read at each start.
//
//   <folder>/.verified   {"files": {name: {"size": bytes, "mtime_ns": nanoseconds, "sha256": hex}}}
//
// An entry counts as long as size and time of last change are the file's own. `Models/fetch` writes
// the same file. For models outside the models folder the names are absolute paths, in the models
// folder's own stamp.

import FoundationEssentials
import Glibc
import Storage

package struct VerificationStamp: Sendable, Equatable {
  package struct Entry: Sendable, Codable, Equatable {
    package var size: Int
    package var mtime_ns: Int64
    package var sha256: String
  }

  package private(set) var files: [String: Entry] = [:]
  private let path: String

  private struct Content: Codable {
    var files: [String: Entry]
  }

  /// The stamp of `folder`; empty when there is none or it cannot be read.
  package init(folder: String) {
    path = "\(folder)/.verified"
    guard let bytes = try? SmallFile.read(path),
      let content = try? JSONDecoder().decode(Content.self, from: Data(bytes))
    else { return }
    files = content.files
  }

  /// Whether the file at `path`, as it lies there now, was found to have this digest.
  package func vouches(for name: String, at path: String, sha256: String) -> Bool {
    guard let entry = files[name], let status = FileStatus(path: path) else { return false }
    return entry == Entry(size: status.size, mtime_ns: status.modified, sha256: sha256)
  }

  /// Forgets files by their paths; a stamp with nothing left is removed.
  package mutating func forget(_ paths: [String], below folder: String) throws(RegistryError) {
    let names = Set(paths).union(
      paths.filter { $0.hasPrefix(folder + "/") }.map { String($0.dropFirst(folder.count + 1)) })
    guard files.keys.contains(where: names.contains) else { return }
    files = files.filter { !names.contains($0.key) }
    if files.isEmpty { unlink(path) } else { try record([:]) }
  }

  /// Adds entries to what is remembered, and writes it.
  package mutating func record(_ entries: [String: Entry]) throws(RegistryError) {
    files.merge(entries) { $1 }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(Content(files: files)) else { return }
    do throws(StorageError) { try AtomicFile.write([UInt8](data), to: path) } catch {
      throw RegistryError(.damaged, error.message, subject: path)
    }
  }
}
