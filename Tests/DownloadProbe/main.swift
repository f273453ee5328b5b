// A client to be killed: fetches one reference with the settings of its environment, quickly, and
// says on standard output how it ended. Built for the tests only; no product of the package.
//
//   DownloadProbe owner/name[:quant][@revision]

import FoundationEssentials
import Glibc
import Registry

/// A line at once: this process may not live to flush a buffer.
func say(_ line: String) {
  let bytes = Array("\(line)\n".utf8)
  _ = write(1, bytes, bytes.count)
}

do {
  var settings = try HubSettings(environment: ProcessInfo.processInfo.environment)
  settings.diskMargin = 0
  settings.limits.retryPause = 0.01
  settings.limits.stallSeconds = 1
  settings.limits.splitBytes = 256 << 10
  settings.limits.smallestPiece = 128 << 10
  let reference = try HubReference(CommandLine.arguments.dropFirst().first ?? "")
  for try await event in Downloader(settings: settings).fetch(reference) {
    switch event {
    case .waiting(let path, let holder): say("waiting \(path): \(holder)")
    case .finished(let snapshot): say("ready \(snapshot)")
    default: continue
    }
  }
} catch {
  say("error \(error)")
  exit(1)
}
