// Comparing whole files with the catalogue's digests, once, and remembering it.

import Storage

extension ModelRegistry {
  /// The outcome for one file.
  package struct VerifiedFile: Sendable, Equatable {
    package var name: String
    package var size: Int
    package var sha256: String
    /// Whether the catalogue had a digest to compare with.
    package var wasExpected: Bool
  }

  /// Reads every file of the model. Throws `.damaged` for the first that is not what the catalogue
  /// says; otherwise remembers the digests and gives them.
  ///
  /// `progress` is called with bytes done and bytes in all; when it returns false the work stops with
  /// `.cancelled`.
  package func verify(
    _ model: InstalledModel, progress: ((_ done: Int, _ total: Int) -> Bool)? = nil
  ) throws(RegistryError) -> [VerifiedFile] {
    if case .incomplete(let names) = model.state {
      throw RegistryError(
        .incomplete, "missing \(names.joined(separator: ", ")) in \(model.folder)",
        subject: model.id)
    }
    let total = model.files.reduce(0) { $0 + $1.size }
    var done = 0
    var results: [VerifiedFile] = []
    var entries: [String: VerificationStamp.Entry] = [:]
    let isOurs = model.folder == modelsFolder || model.folder.hasPrefix(modelsFolder + "/")
    for file in model.files {
      let before = FileStatus(path: file.path)
      let digest: String
      do throws(StorageError) {
        digest = try SHA256.hexDigest(ofFile: file.path) { progress?(done + $0, total) ?? true }
      } catch {
        throw RegistryError(
          error.code == .cancelled ? .cancelled : .damaged, error.message, subject: file.path)
      }
      guard let status = FileStatus(path: file.path), status == before else {
        throw RegistryError(.damaged, "it changed while it was read", subject: file.path)
      }
      if let expected = file.expectedSize, expected != status.size {
        throw RegistryError(
          .damaged, "expected \(expected) bytes, found \(status.size); fetch it again",
          subject: file.path)
      }
      if let expected = file.expectedSHA256, expected != digest {
        throw RegistryError(
          .damaged, "expected SHA-256 \(expected), found \(digest); fetch it again",
          subject: file.path)
      }
      done += file.size
      results.append(
        VerifiedFile(
          name: file.name, size: status.size, sha256: digest,
          wasExpected: file.expectedSHA256 != nil))
      entries[isOurs ? file.name : file.path] = VerificationStamp.Entry(
        size: status.size, mtime_ns: status.modified, sha256: digest)
    }
    // Where the folder may not be written to, the files are compared again next time.
    var stamp = VerificationStamp(folder: isOurs ? model.folder : modelsFolder)
    try? stamp.record(entries)
    return results
  }
}
