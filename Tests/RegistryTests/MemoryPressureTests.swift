import Registry
import TestSupport
import Testing

@Suite("When memory is short")
struct MemoryPressureTests {
  private let root = TemporaryFolder()

  private func machine(average: String?, available: Int, total: Int = 16 << 20) throws {
    try root.write(
      "MemTotal: \(total) kB\nMemAvailable: \(available) kB\n", to: "proc/meminfo")
    if let average {
      try root.write(
        "some avg10=\(average) avg60=0.10 avg300=0.00 total=3846943\n"
          + "full avg10=99.00 avg60=0.00 avg300=0.00 total=2241912\n", to: "proc/pressure/memory")
    }
  }

  @Test("Tasks that wait for memory more than a tenth of the time are pressure")
  func waiting() throws {
    try machine(average: "3.21", available: 8 << 20)
    let calm = MemoryPressure.read(root: root.path)
    #expect(calm.someAverage10 == 3.21)
    #expect(calm.complaint == nil)
    try machine(average: "37.80", available: 8 << 20)
    #expect(MemoryPressure.read(root: root.path).complaint?.contains("37 %") == true)
  }

  @Test("Less than the reserve is pressure, and kernels without the measure have that alone")
  func reserve() throws {
    try machine(average: nil, available: 900 << 10)
    let calm = MemoryPressure.read(root: root.path)
    #expect(calm.someAverage10 == nil)
    #expect(calm.complaint == nil, "900 MiB of 16 GiB: the reserve is 819 MiB")
    try machine(average: nil, available: 800 << 10)
    let short = MemoryPressure.read(root: root.path).complaint
    #expect(short?.contains("/proc/meminfo") == true, "\(short ?? "nil")")
  }

  @Test("Nonsense and missing files are no pressure", arguments: ["", "x", "-1", "1e9", "nan"])
  func nonsense(average: String) throws {
    #expect(MemoryPressure.read(root: root.path).complaint == nil)
    try machine(average: average, available: 8 << 20)
    #expect(MemoryPressure.read(root: root.path).complaint == nil)
  }
}
