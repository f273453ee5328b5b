// The Hugging Face cache in its standard layout, read-only: what other tools fetched is found here.
//
//   <cache>/models--<owner>--<name>/
//     blobs/<etag>                 the files; <etag>.incomplete while they arrive
//     refs/<branch>                the commit a branch stood at, 40 hexadecimal digits
//     snapshots/<commit>/<path>    links to ../../blobs/<etag>; present means fetched
//
// Layout: github.com/huggingface/hub-docs, docs/hub/local-cache.md.

import Storage

package struct HubCache: Sendable {
  /// One repository's newest snapshot.
  package struct Snapshot: Sendable, Equatable {
    /// "owner/name"
    package var repository: String
    package var commit: String
    package var path: String
  }

  package let path: String

  package init(path: String) {
    self.path = path
  }

  /// Where the cache lies: `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `HF_HOME/hub`,
  /// `XDG_CACHE_HOME/huggingface/hub`, `~/.cache/huggingface/hub`; nil without any of them. Values are
  /// trimmed, a leading `~` is the home folder, and what does not begin at the root begins where the
  /// process is. Downloads go to the same place.
  package static func standard(_ environment: (String) -> String?) -> HubCache? {
    func value(_ name: String) -> String? {
      environment(name).map(HTTPHead.trimmed).flatMap { $0.isEmpty ? nil : $0 }
    }
    func folder(_ name: String) -> String? {
      value(name).map { path in
        FilePath.absolute(
          path == "~" || path.hasPrefix("~/") ? (value("HOME") ?? "/") + path.dropFirst() : path)
      }
    }
    if let path = folder("HF_HUB_CACHE") ?? folder("HUGGINGFACE_HUB_CACHE") {
      return HubCache(path: path)
    }
    if let home = folder("HF_HOME") { return HubCache(path: "\(home)/hub") }
    if let cache = folder("XDG_CACHE_HOME") { return HubCache(path: "\(cache)/huggingface/hub") }
    return folder("HOME").map { HubCache(path: "\($0)/.cache/huggingface/hub") }
  }

  /// The snapshot of each model repository: that of `main` when it is there, else the one changed
  /// last. A cache that is missing or may not be read gives none.
  package func snapshots() -> [Snapshot] {
    let prefix = "models--"
    let names = (try? Folder.names(in: path)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix(prefix) else { return nil }
      let rest = String(name.dropFirst(prefix.count))
      return snapshot(of: "\(path)/\(name)", repository: Self.repository(rest))
    }
  }

  /// The repository of a folder name: the first "--" stands for the slash.
  private static func repository(_ name: String) -> String {
    var parts = name.split(separator: "-", omittingEmptySubsequences: false)
    guard let gap = parts.indices.dropFirst().first(where: { parts[$0].isEmpty }),
      gap + 1 < parts.count
    else { return name }
    let owner = parts[..<gap].joined(separator: "-")
    parts.removeSubrange(...gap)
    return "\(owner)/\(parts.joined(separator: "-"))"
  }

  private func snapshot(of folder: String, repository: String) -> Snapshot? {
    let snapshots = "\(folder)/snapshots"
    if let bytes = try? SmallFile.read("\(folder)/refs/main", limit: 256) {
      let commit = String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self)
      let path = "\(snapshots)/\(commit)"
      if !commit.isEmpty, !commit.contains("/"), !commit.hasPrefix("."),
        FileStatus(path: path)?.kind == .folder
      {
        return Snapshot(repository: repository, commit: commit, path: path)
      }
    }
    let commits = ((try? Folder.names(in: snapshots)) ?? []).filter { !$0.hasPrefix(".") }
    let newest = commits.compactMap { commit in
      FileStatus(path: "\(snapshots)/\(commit)").map { (commit, $0.modified) }
    }.max { $0.1 < $1.1 }
    return newest.map {
      Snapshot(repository: repository, commit: $0.0, path: "\(snapshots)/\($0.0)")
    }
  }
}
