/// The steps that several events lead to.
extension DownloadState {
  mutating func startVerification() -> [Action] {
    let actions = abortAll()
    phase = .verifying
    return actions + [.verify]
  }

  mutating func abortAll() -> [Action] {
    let actions = flights.keys.sorted().map { Action.abort(id: $0) }
    flights = [:]
    return actions
  }

  /// Drops all bytes held.
  mutating func forget() -> [Action] {
    have = RangeSet()
    return [.truncate]
  }

  mutating func fail(_ error: HubError) -> [Action] {
    let actions = abortAll()
    phase = .failed(error)
    return actions + [.failed(error)]
  }

  /// The whole file came as flight `id`'s answer, whatever range was asked for: start over with it.
  mutating func startOver(with id: Int) -> [Action] {
    var actions: [Action] = []
    for other in flights.keys.sorted() where other != id {
      flights[other] = nil
      actions.append(.abort(id: other))
    }
    let whole = 0..<file.size
    flights[id]?.range = whole
    flights[id]?.cursor = 0
    serial = true
    return actions + forget()
  }

  /// A range was refused (416). Once may be a server's mood; twice, and what is held is given up.
  mutating func rangeRefused(_ id: Int, _ error: HubError, now: Double) -> [Action] {
    refusedRanges += 1
    var actions = retry(id, error, now: now)
    if refusedRanges > 1, phase == .fetching {
      actions += abortAll() + forget()
      wholeOnly = true
    }
    return actions
  }

  /// Flight `id`, already taken down, failed with something that may pass.
  mutating func retry(_ id: Int, _ error: HubError, now: Double) -> [Action] {
    // Flights in the air together fail together; that is one failure, not four.
    guard id >= countedBelow else { return [] }
    countedBelow = nextID
    failures += 1
    guard failures <= limits.retries else {
      return fail(
        HubError(
          error.code,
          "\(error.message); gave up after \(failures) attempts without a new byte"
            + (have.isEmpty ? "" : " (what is here is kept: run it again to go on)"),
          subject: error.subject))
    }
    var pause = limits.retryPause * Double(min(1 << (failures - 1), 8))
    if case .rateLimited(let seconds) = error.code {
      guard seconds <= limits.longestWait else { return fail(error) }
      pause = max(pause, seconds)
    }
    notBefore = now + pause
    return [.note(error, retryAfter: pause)]
  }
}
