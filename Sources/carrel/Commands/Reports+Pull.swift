import CarrelKit
import Terminal

extension Reports {
  /// Says what will be fetched before the first byte, then shows bytes, rate and estimate; checking
  /// the hashes is a phase of its own. Control-C keeps what came.
  /// - Returns: the folder the files are in.
  static func pulling(
    _ events: AsyncThrowingStream<PullEvent, any Error>, _ console: Console
  ) async throws -> String {
    let folder: String?
    do {
      folder = try await Interruption.run { try await Reports.follow(events, console) }
    } catch let error as CancellationError {
      console.status.clear()
      console.remark("Stopped; what came is kept, and the same command goes on from there.")
      throw error
    }
    console.status.clear()
    guard let folder else { throw CarrelError(.failed, "The download ended without a result.") }
    return folder
  }

  private static func follow(
    _ events: AsyncThrowingStream<PullEvent, any Error>, _ console: Console
  ) async throws -> String? {
    var meter = ProgressMeter(label: "fetching", unit: .bytes)
    var check = ProgressMeter(label: "verifying", unit: .bytes)
    var folder: String?
    for try await event in events {
      switch event {
      case .planned(let plan): announce(plan, console)
      case .progress(let bytes, let total, _, _):
        meter.update(done: bytes, total: total, now: Clock.seconds())
        console.status.show(meter.line())
      case .waiting(let why): console.status.show("\(meter.line()); \(Sanitizer.line(why))")
      case .verifying(let bytes, let total):
        check.update(done: bytes, total: total, now: Clock.seconds())
        console.status.show(check.line())
      case .finished(let path): folder = path
      }
    }
    try Task.checkCancellation()
    return folder
  }

  private static func announce(_ plan: PullPlan, _ console: Console) {
    if let notice = plan.notice { console.remark(Sanitizer.line(notice)) }
    console.remark(Sanitizer.line(plan.page))
    for file in plan.files {
      console.remark("  \(Sanitizer.line(file.path))  \(Format.bytes(file.bytes))")
    }
    let files = plan.files.count == 1 ? "1 file" : "\(Format.count(plan.files.count)) files"
    console.remark(
      "\(files), \(Format.bytes(plan.totalBytes)), \(Format.bytes(plan.bytesToFetch)) to fetch")
  }
}
