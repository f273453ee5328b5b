// The limits of the control groups this process lives in, from its own up to the root.

import Storage

enum CgroupLimits {
  /// Limits of v2 and v1 groups; on machines with both, one of them has the memory controller and the
  /// other's files are simply not there.
  static func read(root: String) -> [MemorySnapshot.Limit] {
    let groups = ProcText.lines("\(root)/proc/self/cgroup").map {
      $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    }.filter { $0.count == 3 }
    let mounts = Mount.all(root: root)
    var limits: [MemorySnapshot.Limit] = []
    if let path = groups.first(where: { $0[0] == "0" && $0[1].isEmpty })?[2] {
      for mount in mounts where mount.kind == .v2 {
        limits += mount.folders(of: path, root: root).flatMap { readV2($0, root: root) }
      }
    }
    if let path = groups.first(where: { $0[1].split(separator: ",").contains("memory") })?[2] {
      for mount in mounts where mount.kind == .v1Memory {
        limits += mount.folders(of: path, root: root).compactMap { readV1($0, root: root) }
      }
    }
    return limits
  }

  private static func readV2(_ folder: String, root: String) -> [MemorySnapshot.Limit] {
    guard let current = ProcText.number("\(root)\(folder)/memory.current") else { return [] }
    let stat = ProcText.fields("\(root)\(folder)/memory.stat")
    let onLists = (stat["inactive_file"] ?? 0) + (stat["active_file"] ?? 0)
    let notShared = (stat["file"] ?? onLists) - (stat["shmem"] ?? 0)
    let unwritten = (stat["file_dirty"] ?? 0) + (stat["file_writeback"] ?? 0)
    let reclaimable = min(max(0, min(onLists, notShared) - unwritten), current)
    return ["memory.max", "memory.high"].compactMap { name in
      guard let limit = ProcText.number("\(root)\(folder)/\(name)") else { return nil }
      return MemorySnapshot.Limit(
        source: "\(folder)/\(name)", limit: limit, used: current, reclaimable: reclaimable)
    }
  }

  private static func readV1(_ folder: String, root: String) -> MemorySnapshot.Limit? {
    let name = "memory.limit_in_bytes"
    // "No limit" is the largest multiple of the page size that fits in 63 bits.
    guard let limit = ProcText.number("\(root)\(folder)/\(name)"), limit < 1 << 60,
      let used = ProcText.number("\(root)\(folder)/memory.usage_in_bytes")
    else { return nil }
    let stat = ProcText.fields("\(root)\(folder)/memory.stat")
    let onLists = (stat["total_inactive_file"] ?? 0) + (stat["total_active_file"] ?? 0)
    let unwritten = (stat["total_dirty"] ?? 0) + (stat["total_writeback"] ?? 0)
    return MemorySnapshot.Limit(
      source: "\(folder)/\(name)", limit: limit, used: used,
      reclaimable: min(max(0, onLists - unwritten), used))
  }

  /// A mounted cgroup hierarchy.
  private struct Mount {
    enum Kind { case v2, v1Memory }

    let kind: Kind
    /// Where it is mounted, without the root prefix.
    let point: String
    /// The group that is visible at the mount point: not "/" in many containers.
    let top: String

    /// From /proc/self/mountinfo: id, parent, device, top, point, options…, "-", type, source,
    /// options. Without that file, the usual places.
    static func all(root: String) -> [Mount] {
      let mounts = ProcText.lines("\(root)/proc/self/mountinfo").compactMap { line -> Mount? in
        let parts = line.split(separator: " ")
        guard let dash = parts.firstIndex(of: "-"), dash >= 6, dash + 3 < parts.count else {
          return nil
        }
        let kind: Kind
        switch parts[dash + 1] {
        case "cgroup2": kind = .v2
        case "cgroup" where parts[dash + 3].split(separator: ",").contains("memory"):
          kind = .v1Memory
        default: return nil
        }
        return Mount(kind: kind, point: String(parts[4]), top: String(parts[3]))
      }
      guard mounts.isEmpty else { return mounts }
      return [
        Mount(kind: .v2, point: "/sys/fs/cgroup", top: "/"),
        Mount(kind: .v1Memory, point: "/sys/fs/cgroup/memory", top: "/"),
      ]
    }

    /// The folders of a group and of all its visible ancestors, innermost first. A group that is not
    /// visible here (its path is the host's) leaves the ancestors that are.
    func folders(of path: Substring, root: String) -> [String] {
      var parts = path.split(separator: "/")
      let above = top.split(separator: "/")
      if parts.starts(with: above) { parts.removeFirst(above.count) }
      guard !parts.contains("..") else { return [point] }
      var folders: [String] = []
      while true {
        let folder = ([point] + parts.map(String.init)).joined(separator: "/")
        if FileStatus(path: root + folder)?.kind == .folder { folders.append(folder) }
        guard !parts.isEmpty else { return folders }
        parts.removeLast()
      }
    }
  }
}
