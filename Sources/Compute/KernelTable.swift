// The kernels of one instruction set.

import CKernels

/// The functions of one instruction set; all tables give the same bits.
package struct KernelTable: Sendable, CustomStringConvertible {
  nonisolated(unsafe) let functions: UnsafePointer<ck_kernels>

  /// The scalar kernels that define the results.
  package static let reference = KernelTable(functions: ck_kernels_ref())
  /// The fastest this CPU can run.
  package static let best = KernelTable(functions: ck_kernels_best())
  /// Every table this CPU can run, the reference first.
  package static let available: [KernelTable] = {
    var tables: [KernelTable] = []
    while let next = ck_kernels_at(tables.count) { tables.append(KernelTable(functions: next)) }
    return tables
  }()

  /// Such as "avx512" or "dotprod".
  package var name: String { String(cString: functions.pointee.name) }
  package var description: String { name }
}
