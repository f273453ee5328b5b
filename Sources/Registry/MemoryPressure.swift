// When memory is short: what the kernel measures (PSI), and what the limits leave.
//
//   /proc/pressure/memory      some avg10=0.00 avg60=0.00 avg300=0.00 total=0
//                              the share of the last 10 seconds in which some task waited for memory
//
// Source: Documentation/accounting/psi.rst of Linux. Kernels without PSI have no such file.

/// Whether memory is so short that an idle model should be let go of.
package struct MemoryPressure: Sendable, Equatable {
  /// Per cent of the last ten seconds in which some task waited for memory; nil without PSI.
  package var someAverage10: Double?
  /// What the tightest limit leaves, in bytes, and what is to be left alone of it.
  package var available: Int?
  package var reserve: Int
  package var source: String

  package init(someAverage10: Double?, available: Int?, reserve: Int, source: String) {
    self.someAverage10 = someAverage10
    self.available = available
    self.reserve = reserve
    self.source = source
  }

  /// Waiting more than a tenth of the time is felt.
  package static let limit = 10.0

  /// Why memory is short; nil when it is not.
  package var complaint: String? {
    if let waited = someAverage10, waited > Self.limit {
      return "tasks waited for memory \(Int(waited)) % of the last 10 seconds"
    }
    if let available, available < reserve {
      return "\(ByteText.binary(available)) are left by \(source), the reserve is "
        + ByteText.binary(reserve)
    }
    return nil
  }

  /// - Parameter root: put before every path; tests give a folder with a tree of their own.
  package static func read(root: String = "") -> MemoryPressure {
    var average: Double?
    for line in ProcText.lines("\(root)/proc/pressure/memory") where line.hasPrefix("some ") {
      let field = line.split(separator: " ").first { $0.hasPrefix("avg10=") }
      average = field.flatMap { Double($0.dropFirst(6)) }.flatMap {
        (0...100).contains($0) ? $0 : nil
      }
    }
    // Addresses are never given back by letting go of pages: `ulimit -v` is no pressure.
    let snapshot = MemorySnapshot.read(root: root)
    let limit = snapshot.limits.filter { !$0.countsAddresses }.min { $0.available < $1.available }
    return MemoryPressure(
      someAverage10: average, available: limit?.available,
      reserve: MemoryGate.reserve(total: snapshot.total ?? 0), source: limit?.source ?? "no limit")
  }
}
