// Work that blocks (hashing gigabytes, waiting for a disk or a socket) on threads of its own, so
// that the threads of Swift's concurrency are never held up.

import Dispatch

enum BackgroundWork {
  private static let queue = DispatchQueue(
    label: "carrel.registry", qos: .utility, attributes: .concurrent)

  static func run(_ work: @escaping @Sendable () -> Void) {
    queue.async(execute: work)
  }
}
