// How many threads are worth having: what the process may use, not what the machine has.

import CKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension WorkerPool {
  /// Physical cores this process may run on, no more than its cgroups' CPU quota (rounded down, at
  /// least one). Sources: sched_getaffinity, /sys/devices/system/cpu, cgroup v2 `cpu.max` and v1
  /// `cpu.cfs_quota_us` of the process's group and its ancestors.
  package static func defaultThreadCount() -> Int {
    let online = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let allowed = ck_affinity_count() > 0 ? Int(ck_affinity_count()) : online
    let cores = physicalCores(allowed: allowed)
    return max(1, min(cores, quota(root: "") ?? cores))
  }

  /// Distinct cores among the allowed CPUs (two hyperthreads count once).
  private static func physicalCores(allowed: Int) -> Int {
    var cores: Set<String> = []
    var seen = 0
    var cpu: Int32 = 0
    while seen < allowed, cpu < 1024 {
      if ck_affinity_has(cpu) == 1 {
        seen += 1
        let topology = "/sys/devices/system/cpu/cpu\(cpu)/topology/"
        guard let siblings = text(topology + "thread_siblings_list") else { return allowed }
        cores.insert(siblings)
      }
      cpu += 1
    }
    return cores.isEmpty ? allowed : cores.count
  }

  /// The smallest CPU quota of the process's cgroup and its ancestors, in whole CPUs; `nil` without
  /// one. Files are read under `root` (empty: the real ones).
  package static func quota(root: String) -> Int? {
    guard let groups = text(root + "/proc/self/cgroup") else { return nil }
    var smallest: Double?
    for line in groups.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let unified = fields[1].isEmpty
      guard unified || fields[1].split(separator: ",").contains("cpu") else { continue }
      var path = fields[2] == "/" ? "" : String(fields[2])
      while true {
        let mount = root + (unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu") + path
        if let quota = unified ? unifiedQuota(mount) : legacyQuota(mount) {
          smallest = min(smallest ?? quota, quota)
        }
        guard let slash = path.lastIndex(of: "/") else { break }
        path = String(path[..<slash])
      }
    }
    return smallest.map { max(1, Int($0 + 0.01)) }
  }

  private static func unifiedQuota(_ directory: String) -> Double? {
    guard let words = text(directory + "/cpu.max")?.split(whereSeparator: \.isWhitespace),
      words.count == 2, let quota = Double(words[0]), let period = Double(words[1]), period > 0
    else { return nil }
    return quota / period
  }

  private static func legacyQuota(_ directory: String) -> Double? {
    guard let quota = number(directory + "/cpu.cfs_quota_us"), quota > 0,
      let period = number(directory + "/cpu.cfs_period_us"), period > 0
    else { return nil }
    return quota / period
  }

  private static func number(_ path: String) -> Double? {
    text(path)?.split(whereSeparator: \.isWhitespace).first.flatMap { Double($0) }
  }

  /// A small text file (its first 4 KiB), or `nil`.
  private static func text(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    return withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { bytes in
      let count = fread(bytes.baseAddress, 1, bytes.count, file)
      return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[..<count]), as: UTF8.self)
    }
  }
}
