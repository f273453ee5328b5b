import CarrelKit
import Synchronization
import Terminal

/// The events of one answer on their way to the screen. Control-C asks the model to stop, and the
/// relay ends with the stopped answer, at the latest after `grace`: what has not ended by then (a
/// search, a slow token) goes on unseen, and `rest` says when it is over.
final class AnswerRelay: Sendable {
  /// With what it takes to print, the prompt is back within 100 ms.
  private static let grace = Duration.milliseconds(70)

  let events: AsyncThrowingStream<GenerationEvent, any Error>
  /// Ends when the model is free again; whether the answer became a turn of the conversation.
  let rest: Task<Bool, Never>
  private let relay: AsyncThrowingStream<GenerationEvent, any Error>.Continuation
  private let stop: StopFlag

  init(
    _ start: (StopFlag) -> AsyncThrowingStream<GenerationEvent, any Error>
  ) {
    let stop = StopFlag()
    let source = start(stop)
    let (events, relay) = AsyncThrowingStream<GenerationEvent, any Error>.makeStream()
    self.events = events
    self.relay = relay
    self.stop = stop
    rest = Task.detached {
      do {
        for try await event in source { relay.yield(event) }
        relay.finish()
        return true
      } catch {
        relay.finish(throwing: error)
        return false
      }
    }
  }

  /// May be called from any thread, more than once.
  func interrupt() {
    stop.raise()
    let relay = relay
    Task.detached {
      try? await Task.sleep(for: Self.grace)
      relay.finish()
    }
  }
}
