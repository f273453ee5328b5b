import Registry
import TestSupport
import Testing

private let gib = 1 << 30
private let mib = 1 << 20

@Suite("How much memory there is")
struct MemorySnapshotTests {
  private let root = TemporaryFolder()

  private func meminfo(totalGiB: Int, availableMiB: Int) throws {
    try root.write(
      """
      MemTotal:       \(totalGiB << 20) kB
      MemFree:          100000 kB
      MemAvailable:   \(availableMiB << 10) kB
      Buffers:            7328 kB

      """, to: "proc/meminfo")
  }

  private func group(_ path: String, top: String = "/", version: Int = 2) throws {
    try root.write(
      version == 2 ? "0::\(path)\n" : "9:name=systemd:/\n4:memory:\(path)\n0::/\n",
      to: "proc/self/cgroup")
    let mount =
      version == 2
      ? "30 23 0:26 \(top) /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
      : "35 31 0:32 \(top) /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory"
    try root.write(
      "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n\(mount)\n", to: "proc/self/mountinfo")
  }

  private func v2(
    _ folder: String, max: String, high: String = "max", current: Int, stat: String = ""
  )
    throws
  {
    let folder = "sys/fs/cgroup\(folder)"
    try root.write("\(max)\n", to: "\(folder)/memory.max")
    try root.write("\(high)\n", to: "\(folder)/memory.high")
    try root.write("\(current)\n", to: "\(folder)/memory.current")
    try root.write(stat, to: "\(folder)/memory.stat")
  }

  private func v1(_ folder: String, limit: Int, used: Int, stat: String = "") throws {
    let folder = "sys/fs/cgroup/memory\(folder)"
    try root.write("\(limit)\n", to: "\(folder)/memory.limit_in_bytes")
    try root.write("\(used)\n", to: "\(folder)/memory.usage_in_bytes")
    try root.write(stat, to: "\(folder)/memory.stat")
  }

  private var snapshot: MemorySnapshot { MemorySnapshot.read(root: root.path) }

  @Test("On bare metal the machine's own figure counts")
  func bareMetal() throws {
    try meminfo(totalGiB: 32, availableMiB: 20_480)
    try group("/user.slice/session.scope")
    #expect(snapshot.limits.count == 1)
    #expect(snapshot.available == 20 * gib)
    #expect(snapshot.total == 32 * gib)
    #expect(snapshot.tightest?.source == "/proc/meminfo")
    #expect(snapshot.problems == [])
  }

  @Test("Of nested groups the one that leaves least counts, whichever level it is at")
  func nested() throws {
    try meminfo(totalGiB: 64, availableMiB: 60 << 10)
    try group("/kube/pod/container")
    try v2("/kube", max: "\(32 * gib)", current: 31 * gib)
    try v2("/kube/pod", max: "\(8 * gib)", current: 2 * gib)
    try v2("/kube/pod/container", max: "\(4 * gib)", current: 1 * gib)
    #expect(snapshot.limits.count == 4)
    #expect(snapshot.available == 1 * gib)
    #expect(snapshot.tightest?.source == "/sys/fs/cgroup/kube/memory.max")
    #expect(snapshot.total == 4 * gib)

    try v2("/kube", max: "\(32 * gib)", current: 10 * gib)
    #expect(snapshot.tightest?.source == "/sys/fs/cgroup/kube/pod/container/memory.max")
    #expect(snapshot.available == 3 * gib)
  }

  @Test("A soft limit below the hard one counts")
  func high() throws {
    try meminfo(totalGiB: 64, availableMiB: 60 << 10)
    try group("/app")
    try v2("/app", max: "\(8 * gib)", high: "\(2 * gib)", current: 512 * mib)
    #expect(snapshot.tightest?.source == "/sys/fs/cgroup/app/memory.high")
    #expect(snapshot.available == 2 * gib - 512 * mib)
  }

  @Test("A limit of max is no limit")
  func unlimited() throws {
    try meminfo(totalGiB: 16, availableMiB: 8 << 10)
    try group("/app")
    try v2("/app", max: "max", current: 7 * gib)
    #expect(snapshot.limits.map(\.source) == ["/proc/meminfo"])
    #expect(snapshot.available == 8 * gib)
  }

  @Test("A container full of page cache has that cache to give")
  func pageCache() throws {
    try meminfo(totalGiB: 64, availableMiB: 50 << 10)
    try group("/")
    // 26 GiB in use, of which 25 are file cache; 512 MiB of it is shared memory and 256 MiB unwritten.
    try v2(
      "", max: "\(32 * gib)", current: 26 * gib,
      stat: """
        anon \(1 * gib)
        file \(25 * gib)
        shmem \(512 * mib)
        file_dirty \(128 * mib)
        file_writeback \(128 * mib)
        inactive_anon \(512 * mib)
        inactive_file \(20 * gib)
        active_file \(4 * gib + 512 * mib)

        """)
    let limit = try #require(snapshot.tightest)
    #expect(limit.source == "/sys/fs/cgroup/memory.max")
    #expect(limit.reclaimable == 24 * gib + 512 * mib - 256 * mib)
    #expect(limit.available == 32 * gib - 26 * gib + limit.reclaimable)
  }

  @Test("Shared memory is never counted as reclaimable")
  func sharedMemory() throws {
    try meminfo(totalGiB: 64, availableMiB: 50 << 10)
    try group("/")
    try v2(
      "", max: "\(8 * gib)", current: 6 * gib,
      stat: "file \(5 * gib)\nshmem \(4 * gib)\ninactive_file \(3 * gib)\nactive_file \(2 * gib)\n")
    #expect(snapshot.tightest?.reclaimable == 1 * gib)
  }

  @Test("Version 1 groups count, with their largest number meaning no limit")
  func versionOne() throws {
    try meminfo(totalGiB: 64, availableMiB: 50 << 10)
    try group("/docker/abc", version: 1)
    try v1("", limit: 9_223_372_036_854_771_712, used: 40 * gib)
    try v1(
      "/docker/abc", limit: 4 * gib, used: 3 * gib,
      stat: """
        inactive_file 1
        total_inactive_file \(2 * gib)
        total_active_file \(512 * mib)
        total_dirty \(256 * mib)

        """)
    #expect(snapshot.limits.count == 2)
    let limit = try #require(snapshot.tightest)
    #expect(limit.source == "/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes")
    #expect(limit.reclaimable == 2 * gib + 256 * mib)
    #expect(limit.available == 3 * gib + 256 * mib)
  }

  @Test("A container that sees its own group at the mount point is found by the mount's top")
  func hostPath() throws {
    try meminfo(totalGiB: 64, availableMiB: 50 << 10)
    try group("/docker/abc/inner", top: "/docker/abc", version: 1)
    try v1("", limit: 2 * gib, used: 1 * gib)
    try v1("/inner", limit: 1 * gib, used: 512 * mib)
    #expect(snapshot.available == 512 * mib)

    // The group's own path is the host's and not visible here: the ancestors that are visible count.
    try group("/system.slice/docker-abc.scope")
    try v2("", max: "\(3 * gib)", current: 1 * gib)
    #expect(snapshot.available == 2 * gib)
  }

  @Test("A path that climbs out of the hierarchy leads nowhere")
  func climbing() throws {
    try meminfo(totalGiB: 64, availableMiB: 50 << 10)
    try group("/../../elsewhere")
    try v2("", max: "\(3 * gib)", current: 1 * gib)
    try root.write("1\n", to: "elsewhere/memory.max")
    try root.write("1\n", to: "elsewhere/memory.current")
    #expect(snapshot.available == 2 * gib)
  }

  @Test("An address space limit leaves what is not mapped yet")
  func addressSpace() throws {
    try meminfo(totalGiB: 64, availableMiB: 50 << 10)
    let header = "Limit                     Soft Limit           Hard Limit           Units     \n"
    try root.write(
      header + "Max address space         \(4 * gib)           unlimited            bytes     \n",
      to: "proc/self/limits")
    try root.write("Name:\tcarrel\nVmSize:\t \(1 << 20) kB\n", to: "proc/self/status")
    #expect(snapshot.available == 3 * gib)
    #expect(snapshot.tightest?.source.contains("ulimit -v") == true)

    try root.write(
      header + "Max address space         unlimited            unlimited            bytes     \n",
      to: "proc/self/limits")
    #expect(snapshot.available == 50 * gib)
  }

  @Test("Missing files are said to be missing, and nothing is made up")
  func missing() {
    #expect(snapshot.limits == [])
    #expect(snapshot.available == nil)
    #expect(snapshot.total == nil)
    #expect(snapshot.problems.count == 1)
  }

  @Test("Nonsense in the kernel's files is left out and never traps")
  func nonsense() throws {
    try root.write(
      "MemTotal: 99999999999999999999999 kB\nMemAvailable: -5 kB\n:::\n", to: "proc/meminfo")
    try group("/app")
    try v2("/app", max: "9223372036854775807", current: Int.max, stat: "file x\ninactive_file -1\n")
    let limit = try #require(snapshot.tightest)
    #expect(limit.available == 0)
    try v2("/app", max: "9223372036854775807", current: -5)
    #expect(snapshot.limits == [])
    try root.write("4:memory\n::\n", to: "proc/self/cgroup")
    #expect(snapshot.limits == [])
    try v2("/app", max: "-1", high: "12x", current: 0)
    try group("/app")
    #expect(snapshot.limits == [])
  }

  @Test("More in use than the limit allows leaves nothing, not less than nothing")
  func overused() throws {
    try meminfo(totalGiB: 64, availableMiB: 50 << 10)
    try group("/app")
    try v2("/app", max: "\(1 * gib)", current: 2 * gib)
    #expect(snapshot.available == 0)
  }

  @Test("The machine these tests run on has memory")
  func thisMachine() throws {
    let snapshot = MemorySnapshot.read()
    #expect(try #require(snapshot.available) > 16 * mib)
    #expect(snapshot.problems == [])
  }
}
