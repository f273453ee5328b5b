// How much memory this process may still take, and who says so. Every limit that holds is read:
//
//   /proc/meminfo                MemAvailable: what the machine can give without swapping
//   cgroup v2, each ancestor     memory.max and memory.high, less memory.current, plus the page cache
//                                that the kernel would give back
//   cgroup v1, each ancestor     memory.limit_in_bytes, less memory.usage_in_bytes, plus the same
//   /proc/self/limits            "Max address space", less what is mapped already
//
// The page cache is added back because a container that has read a large file is charged for it: most
// of "used" is then memory that nobody needs. Shared memory is not given back, nor are pages that wait
// to be written. Sources: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst of Linux.

import Storage

/// What the machine, its containers and the process's own limits leave free, at one moment.
package struct MemorySnapshot: Sendable, Equatable {
  /// One limit and what it leaves.
  package struct Limit: Sendable, Equatable {
    /// Who sets it, such as "/sys/fs/cgroup/app/memory.max".
    package var source: String
    /// The limit itself in bytes; for the machine, its memory.
    package var limit: Int
    /// Bytes that count against it now.
    package var used: Int
    /// Of `used`, page cache that would be given back.
    package var reclaimable: Int
    /// Whether mapped addresses count, not resident pages (`ulimit -v`).
    package var countsAddresses: Bool

    /// What may still be taken.
    package var available: Int { max(0, limit - used + reclaimable) }

    package init(
      source: String, limit: Int, used: Int, reclaimable: Int, countsAddresses: Bool = false
    ) {
      self.countsAddresses = countsAddresses
      self.source = source
      self.limit = limit
      self.used = used
      self.reclaimable = reclaimable
    }
  }

  /// All limits that could be read, the machine's own first.
  package var limits: [Limit]
  /// What could not be read although it should be there, in sentences.
  package var problems: [String]

  package init(limits: [Limit], problems: [String] = []) {
    self.limits = limits
    self.problems = problems
  }

  /// The limit that leaves least; nil when none could be read.
  package var tightest: Limit? { limits.min { $0.available < $1.available } }

  /// What may still be taken, in bytes; nil when nothing could be read.
  package var available: Int? { tightest?.available }

  /// The smallest limit: the memory there would be if nothing else ran.
  package var total: Int? { limits.map(\.limit).min() }

  /// A machine that has nothing but this much free memory: "what if" for `carrel models why`.
  package static func supposing(_ bytes: Int) -> MemorySnapshot {
    MemorySnapshot(limits: [Limit(source: "--have", limit: bytes, used: 0, reclaimable: 0)])
  }

  /// Reads the limits of this process.
  ///
  /// - Parameter root: put before every path; tests give a folder with a tree of their own.
  package static func read(root: String = "") -> MemorySnapshot {
    var snapshot = MemorySnapshot(limits: [])
    let meminfo = ProcText.fields("\(root)/proc/meminfo")
    if let total = meminfo["MemTotal"], let available = meminfo["MemAvailable"] {
      snapshot.limits.append(
        Limit(
          source: "/proc/meminfo", limit: total * 1024, used: (total - available) * 1024,
          reclaimable: 0))
    } else {
      snapshot.problems.append("/proc/meminfo does not give MemTotal and MemAvailable")
    }
    snapshot.limits += CgroupLimits.read(root: root)
    if let limit = addressSpaceLimit(root: root) { snapshot.limits.append(limit) }
    return snapshot
  }

  /// `ulimit -v`: everything mapped counts, weights included, and nothing of it is given back.
  private static func addressSpaceLimit(root: String) -> Limit? {
    let name = "Max address space"
    guard
      let line = ProcText.lines("\(root)/proc/self/limits").first(where: { $0.hasPrefix(name) }),
      let soft = line.dropFirst(name.count).split(separator: " ").first,
      let limit = Int(soft), limit > 0,
      let mapped = ProcText.fields("\(root)/proc/self/status")["VmSize"]
    else { return nil }
    return Limit(
      source: "the address space limit (ulimit -v)", limit: limit, used: mapped * 1024,
      reclaimable: 0, countsAddresses: true)
  }
}

/// The kernel's small text files.
enum ProcText {
  static func text(_ path: String) -> String? {
    (try? SmallFile.read(path)).map { String(decoding: $0, as: UTF8.self) }
  }

  static func lines(_ path: String) -> [Substring] {
    text(path).map { $0.split(separator: "\n") } ?? []
  }

  /// "Name:   123 kB" or "name 123", a line each; numbers that are negative or do not fit in 62 bits
  /// once multiplied by 1024 are left out.
  static func fields(_ path: String) -> [String: Int] {
    var fields: [String: Int] = [:]
    for line in lines(path) {
      let parts = line.split { $0 == " " || $0 == ":" || $0 == "\t" }
      if parts.count >= 2, let value = Int(parts[1]), (0..<(1 << 52)).contains(value) {
        fields[String(parts[0])] = value
      }
    }
    return fields
  }

  /// A file with one number of 0 or more; nil for "max" and for anything else.
  static func number(_ path: String) -> Int? {
    text(path).flatMap { Int($0.filter { !$0.isWhitespace }) }.flatMap { $0 >= 0 ? $0 : nil }
  }
}
