import CarrelKit
import Terminal

/// Reports that both commands and the REPL print.
enum Reports {
  /// Shows indexing as it goes and what came of it. Control-C keeps what is done.
  static func indexing(
    _ events: AsyncThrowingStream<IndexingEvent, any Error>, _ console: Console
  ) async throws {
    let summary = try await keeping(console) { () -> IndexingSummary? in
      var meter = ProgressMeter(label: "indexing", unit: .files)
      var result: IndexingSummary?
      for try await event in events {
        switch event {
        case .scanning(let found):
          console.status.show("looking for files: \(Format.count(found))")
        case .indexed(let path, let chunks, _, let bytes):
          console.detail("\(Location.short(path)): \(chunks) passages, \(Format.bytes(bytes))")
        case .removed(let path): console.detail("\(Location.short(path)): gone")
        case .skipped(let path, let reason): console.detail("\(Location.short(path)): \(reason)")
        case .progress(let progress):
          meter.update(
            done: progress.filesDone, total: progress.filesTotal, now: Clock.seconds())
          let amount =
            "\(Format.bytes(progress.bytesDone)), \(Format.count(progress.chunks)) passages"
          console.status.show("\(meter.line()), \(amount)")
        case .finished(let summary): result = summary
        }
      }
      try Task.checkCancellation()
      return result
    }
    console.status.clear()
    if let summary {
      console.remark(Printing.indexing(summary))
      let reasons = summary.skipped.sorted { $0.key < $1.key }
        .map { "\(Format.count($0.value)) \($0.key)" }
      if !reasons.isEmpty { console.detail("Skipped: " + reasons.joined(separator: ", ") + ".") }
    }
  }

  /// As `Interruption.run`; an interruption says what becomes of the work.
  private static func keeping<Value: Sendable>(
    _ console: Console, _ work: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    do { return try await Interruption.run(work) } catch let error as CancellationError {
      console.remark("Stopped; the files that were finished stay in the index.")
      throw error
    }
  }

  static func index(_ desk: any Desk, _ console: Console) async throws {
    let report = try await Interruption.run { try await desk.indexReport(checkingDisk: true) }
    console.write(Printing.index(report, columns: console.columns()))
  }

  static func models(_ desk: any Desk, _ console: Console) async throws {
    console.write(Printing.models(try desk.models(), console: console))
  }

  /// The arithmetic of the gate, and what it comes to.
  static func why(_ desk: any Desk, _ console: Console) async throws {
    let report = try desk.why()
    console.line(Sanitizer.clean(report.explanation))
  }

  static func status(
    _ desk: any Desk, _ console: Console, facts: [(String, String)] = []
  ) async throws {
    let status = try await Interruption.run { try await desk.status() }
    console.write(Printing.status(status, facts: facts, columns: console.columns()))
  }
}
