import Inference

/// The timelines of a conversation, one on each model that answered in it.
extension GenerationSession {
  /// A network, and this conversation's timeline on it.
  struct Seat {
    let model: LoadedModel
    let timeline: Timeline
    let context: Int

    var decoding: DecodingSession { timeline.decoding }

    /// - Parameter session: the id of a conversation whose timeline may be on disk.
    init(_ model: LoadedModel, context: Int, store: SnapshotStore?, session: String?) throws {
      self.model = model
      self.context = context
      let decoding = try model.makeTimeline(context: context)
      timeline = Timeline(decoding, store: store, session: session)
    }
  }

  /// The model is to be unloaded: drops network and timeline. The conversation stays; the next
  /// question reads it again, from the disk where that is faster.
  func letGo(of id: String) {
    guard modelInUse != id, let seat = seats[id] else { return }
    if let session = recorder?.id {
      seat.timeline.write(session: session, isLeft: true) { true }
    }
    seats[id] = nil
  }

  /// A model that is in memory, for as long as `body` works with it; nothing happens where it is not.
  func withSeat(of choice: ModelChoice, _ body: (Seat) throws -> Void) async throws {
    guard modelInUse == nil, workspace.host.loaded.contains(choice.id) else { return }
    let (seat, lease) = try await takeSeat(choice)
    defer {
      if !answering { modelInUse = nil }
      lease.end()
    }
    // A question that came meanwhile reads its prompt itself.
    if !answering { try body(seat) }
  }

  /// Keeps a model while an answer is written, loading it if need be.
  func takeSeat(_ choice: ModelChoice) async throws -> (Seat, ModelLease) {
    let (model, lease) = try await workspace.host.use(choice)
    if let seat = seats[choice.id], seat.model.network === model.network {
      modelInUse = choice.id
      return (seat, lease)
    }
    let seat: Seat
    do {
      seat = try Seat(
        model, context: min(choice.context, model.context), store: workspace.snapshots,
        session: recorder?.id)
    } catch let error as InferenceError where error.code == .outOfMemory {
      throw CarrelError(.doesNotFit, "\(error). \(choice.numbers)")
    }
    seats[choice.id] = seat
    modelInUse = choice.id
    return (seat, lease)
  }
}
