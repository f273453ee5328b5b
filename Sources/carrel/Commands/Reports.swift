import CarrelKit
import Terminal

/// Reports that both commands and the REPL print.
enum Reports {
  /// A path as it may be shown: names of files are not to be trusted.
  private static func name(_ path: String) -> String { Sanitizer.line(Location.short(path)) }

  /// Shows indexing as it goes and what came of it. Control-C keeps what is done.
  static func indexing(
    _ events: AsyncThrowingStream<IndexingEvent, any Error>, _ console: Console
  ) async throws {
    let summary = try await keeping(console) { () -> IndexingSummary? in
      var meter = ProgressMeter(label: "indexing", unit: .files)
      var merging = ProgressMeter(label: "merging the words", unit: .items("pages"))
      var result: IndexingSummary?
      for try await event in events {
        switch event {
        case .scanning(let found):
          console.status.show("looking for files: \(Format.count(found))")
        case .indexed(let path, let chunks, _, let bytes):
          console.detail("\(name(path)): \(Printing.passages(chunks)), \(Format.bytes(bytes))")
        case .removed(let path): console.detail("\(name(path)): gone")
        case .skipped(let path, let reason):
          console.detail("\(name(path)): \(Sanitizer.line(reason))")
        case .progress(let progress):
          meter.update(
            done: progress.filesDone, total: progress.filesTotal, now: Clock.seconds())
          // A large file is written when all of it is embedded: till then that is what moves.
          let amount =
            "\(Format.bytes(progress.bytesDone)), "
            + Printing.passages(max(progress.chunks, progress.embedded))
          console.status.show("\(meter.line()), \(amount)")
        case .merging(let done, let total):
          merging.update(done: done, total: total, now: Clock.seconds())
          console.status.show(merging.line())
        case .finished(let summary): result = summary
        }
      }
      try Task.checkCancellation()
      return result
    }
    console.status.clear()
    if let summary {
      console.remark(Printing.indexing(summary))
      for warning in summary.warnings { console.remark(Sanitizer.line(warning)) }
      let reasons = Printing.skipped(summary.skipped)
      // When nothing at all was read, the reasons are the answer.
      let found = summary.added + summary.updated + summary.unchanged
      if let reasons {
        if found == 0 { console.remark(reasons) } else { console.detail(reasons) }
      }
    }
  }

  /// Shows what watching does, a line for each round. Ends with Control-C, and well.
  static func watching(
    _ events: AsyncThrowingStream<WatchingEvent, any Error>, _ console: Console
  ) async throws {
    do {
      try await Interruption.run {
        var isFirst = true
        var kept: [String: Int] = [:]
        for try await event in events {
          switch event {
          case .busy: console.status.show("another process changes the index")
          case .waiting(let folders, let refused):
            console.status.clear()
            if isFirst {
              console.remark(
                "Watching \(folders == 1 ? "1 folder" : "\(Format.count(folders)) folders"); Control-C ends it."
                  + (refused == 0
                    ? ""
                    : " \(Format.count(refused)) more are looked at every 30 s: the system has no more "
                      + "watches to give (fs.inotify.max_user_watches)."))
            }
            isFirst = false
          case .indexing(.scanning), .indexing(.progress): break
          case .indexing(.indexed(let path, let chunks, _, let bytes)):
            console.detail("\(name(path)): \(Printing.passages(chunks)), \(Format.bytes(bytes))")
            console.status.show("reading \(name(path))")
          case .indexing(.removed(let path)): console.detail("\(name(path)): gone")
          case .indexing(.skipped): break
          case .indexing(.merging): console.status.show("merging the words")
          case .indexing(.finished(let summary)):
            console.status.clear()
            if summary.added + summary.updated + summary.removed > 0 {
              console.remark(Printing.indexing(summary))
            }
            if summary.kept != kept {
              for warning in summary.warnings { console.remark(Sanitizer.line(warning)) }
              kept = summary.kept
            }
          }
        }
      }
    } catch is CancellationError {
      console.status.clear()
      console.remark("Stopped watching; the index is whole.")
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

  /// How many of the latest routing decisions are shown.
  static let routesShown = 5

  /// The arithmetic of the gate and what it comes to, then which model the latest questions got.
  static func why(_ desk: any Desk, _ console: Console) async throws {
    let report = try desk.why()
    let text =
      Sanitizer.clean(report.explanation) + "\n" + Printing.routes(desk.recentRoutes(routesShown))
    guard let width = console.columns() else { return console.write(text) }
    // Rows that go on lie a little further in.
    for line in text.split(separator: "\n") {
      let indent = line.prefix { $0 == " " }.count
      console.write(HelpText.fold(String(line), indent + 4, width, first: indent))
    }
  }

  static func status(
    _ desk: any Desk, _ console: Console, facts: [(String, String)] = []
  ) async throws {
    let status = try await Interruption.run { try await desk.status() }
    console.write(Printing.status(status, facts: facts, columns: console.columns()))
  }
}
