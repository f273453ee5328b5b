// Living under `ulimit -v`. Every mapping counts against it, touched or not. The C library takes 64 MiB
// of addresses for each thread that allocates; the linear-algebra library takes 128 MiB for each of its
// threads as soon as it is loaded, and tries again for ever where it cannot have them. Both are kept small.

import Compute
import Glibc
import Registry

package enum AddressSpace {
  /// Less than this is not worth a start: the smallest model needs more, and so do threads.
  static let least = 200 << 20

  /// To be called once, before any thread is made and before the linear-algebra library is loaded.
  ///
  /// - Returns: why the program cannot work under its limit; nil where there is none, or enough.
  package static func prepare() -> CarrelError? {
    // Only the environment can tell that library. It adds up a few hundred numbers at a time.
    setenv("OPENBLAS_NUM_THREADS", "1", 1)
    guard let limit = limit(MemorySnapshot.read()) else { return nil }
    // One heap for all threads (M_ARENA_MAX): a little slower, and nothing is reserved for each.
    typealias SetOption = @convention(c) (Int32, Int32) -> Int32
    if let symbol = dlsym(nil, "mallopt") {
      _ = unsafeBitCast(symbol, to: SetOption.self)(-8, 1)
    }
    guard limit.available < least else {
      // Now, while there is room for it: it does not survive a refusal.
      ExactProduct.loadLibrary()
      return nil
    }
    return CarrelError(
      .doesNotFit,
      "\(limit.source) is \(ByteText.binary(limit.limit)), of which "
        + "\(ByteText.binary(limit.available)) are left: threads and libraries need "
        + "\(ByteText.binary(least)). Raise it by at least "
        + "\(ByteText.binary(least - limit.available)).")
  }

  private static func limit(_ snapshot: MemorySnapshot) -> MemorySnapshot.Limit? {
    snapshot.limits.first(where: \.countsAddresses)
  }

  /// An error that says that models are there whose files cannot be mapped under the limit; nil when
  /// that is not what keeps them from being read.
  static func shortage(_ models: [InstalledModel]) -> CarrelError? {
    guard let limit = limit(MemorySnapshot.read()) else { return nil }
    let large = models.filter { !$0.isUsable && $0.sizeBytes > limit.available }
    guard let smallest = large.min(by: { $0.sizeBytes < $1.sizeBytes }) else { return nil }
    let short = smallest.sizeBytes - limit.available
    return CarrelError(
      .doesNotFit,
      "\(smallest.id) does not fit: its \(ByteText.binary(smallest.sizeBytes)) cannot be mapped, "
        + "\(ByteText.binary(limit.available)) are left by \(limit.source) of "
        + "\(ByteText.binary(limit.limit)). It fits when that is raised by more than "
        + "\(ByteText.binary(short)).")
  }
}
