import FoundationEssentials
import Glibc
import Inference
import Storage
import Tokenization

/// What models have read, kept on disk so that no process need read it again: the fixed beginnings of
/// prompts, and the conversations that are kept. One file each in one folder that only its owner may
/// open, `MODEL-prefix-HASH.kv` or `MODEL-session-ID.kv`; MODEL stands for the path of the weights.
///
/// All of it may be removed at any time. The folder never grows beyond `limit` for long: the files
/// that were not used for the longest time go first. Nothing here fails: what cannot be read or
/// written is as if it were not there.
package final class SnapshotStore: Sendable {
  /// Bytes of all files together.
  package static let limit = 2 << 30
  /// Bytes of one file: no conversation pushes all others out.
  static let fileLimit = limit / 4
  /// Bytes that stay free on the disk.
  private static let leastFree = 1 << 30
  /// Temporary files of a process that was killed go after so many seconds.
  private static let staleSeconds: Int64 = 3600

  package let folder: String

  package init(folder: String) { self.folder = folder }

  // MARK: Reading and writing

  /// Takes up what the model made of exactly these tokens.
  package func restore(prefix tokens: ArraySlice<TokenID>, into decoding: DecodingSession) -> Bool {
    let path = path(prefix: tokens, decoding.model)
    guard restore(path, into: decoding) != nil else { return false }
    if decoding.tokens.elementsEqual(tokens) { return true }
    decoding.truncate(to: 0)
    return false
  }

  /// - Returns: how many tokens were taken up, if any.
  package func restore(session id: String, into decoding: DecodingSession) -> Int? {
    restore(path(session: id, decoding.model), into: decoding)
  }

  /// Whether there is a file of a conversation.
  func has(session id: String, _ model: DecoderModel) -> Bool {
    FileStatus(path: path(session: id, model)) != nil
  }

  private func restore(_ path: String, into decoding: DecodingSession) -> Int? {
    let found = CacheFile.read(path) { decoding.takeUp(fileBytes: $0, $1) }
    // It was of use: others go first.
    if found != nil { utimensat(AT_FDCWD, path, nil, 0) }
    return found
  }

  /// Writes a fixed beginning that was copied while it was read.
  package func keep(prefix tokens: [TokenID], of model: DecoderModel, _ pieces: [UInt8]) {
    write(path(prefix: tokens[...], model)) { append in pieces.withUnsafeBytes(append) }
  }

  /// Writes a whole timeline. False when it was stopped or cannot be written.
  @discardableResult
  package func keep(
    session id: String, _ decoding: DecodingSession, proceed: () -> Bool = { true }
  ) -> Bool {
    write(path(session: id, decoding.model)) { append in
      decoding.keep { proceed() && append($0) }
    }
  }

  @discardableResult
  private func write(
    _ path: String, _ body: ((UnsafeRawBufferPointer) -> Bool) -> Bool
  ) -> Bool {
    guard makeFolder(), Workspace.freeBytes(onDiskOf: folder) ?? .max >= Self.leastFree,
      CacheFile.write(to: path, body)
    else { return false }
    tidy()
    return true
  }

  // MARK: Removing

  package func remove(session id: String) { removeFiles { $0.hasSuffix("-session-\(id).kv") } }

  /// Removes what was kept of the model whose weights lie at a path.
  package func remove(model path: String) {
    let tag = Self.tag(path)
    removeFiles { $0.hasPrefix(tag + "-") }
  }

  private func removeFiles(_ matches: (String) -> Bool) {
    for name in names where matches(name) { unlink("\(folder)/\(name)") }
  }

  /// Removes the files that were not used for the longest time, until the rest is within the limit.
  package func tidy(limit: Int = SnapshotStore.limit) {
    let now = Int64(time(nil))
    var total = 0
    let files = names.compactMap { name in
      FileStatus(path: "\(folder)/\(name)").map { (path: "\(folder)/\(name)", status: $0) }
    }
    for file in files.sorted(by: { $0.status.modified > $1.status.modified }) {
      total += file.status.size
      let isStale =
        file.path.hasSuffix(".tmp")
        && now - file.status.modified / 1_000_000_000 > Self.staleSeconds
      if total > limit || isStale { unlink(file.path) }
    }
  }

  /// How many files there are, and their bytes.
  package var usage: (files: Int, bytes: Int) {
    let sizes = names.compactMap { FileStatus(path: "\(folder)/\($0)")?.size }
    return (sizes.count, sizes.reduce(0, +))
  }

  // MARK: Names

  /// Files of ours, and no others: the folder may be anywhere.
  private var names: [String] {
    ((try? Folder.names(in: folder)) ?? []).filter { name in
      name.hasSuffix(".kv") || name.hasSuffix(".tmp") && name.contains(".kv.")
    }
  }

  private func path(prefix tokens: ArraySlice<TokenID>, _ model: DecoderModel) -> String {
    let digest = Array(tokens).withUnsafeBytes { SHA256.hexDigest($0) }
    return "\(folder)/\(Self.tag(model.path))-prefix-\(digest.prefix(16)).kv"
  }

  private func path(session id: String, _ model: DecoderModel) -> String {
    "\(folder)/\(Self.tag(model.path))-session-\(id).kv"
  }

  private static func tag(_ path: String) -> String {
    String(Array(path.utf8).withUnsafeBytes { SHA256.hexDigest($0) }.prefix(12))
  }

  private func makeFolder() -> Bool {
    if access(folder, W_OK) == 0 { return true }
    let parent = folder.lastIndex(of: "/").map { String(folder[..<$0]) } ?? "."
    try? FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
    return mkdir(folder, 0o700) == 0
  }
}
