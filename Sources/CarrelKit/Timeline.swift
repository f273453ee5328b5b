import Inference
import Tokenization

/// One conversation's timeline on one model, and what of it is on disk.
///
/// Reading a file must be cheaper than reading the tokens again: `SnapshotRule` decides by what was
/// measured on this machine.
package final class Timeline {
  package let decoding: DecodingSession
  private let store: SnapshotStore?
  /// Seconds to read a token, as last measured over enough of them.
  private var secondsPerToken: Double?
  /// What the conversation's file holds, as long as it is there.
  private var onDisk: [TokenID] = []
  /// A fixed beginning that is to be written once the answer is there.
  private var prefix: (tokens: [TokenID], file: [UInt8])?
  /// The tokens belong to a conversation that was cleared or changed: they are not to be written.
  private var isForgotten = false

  /// - Parameter session: the id of a conversation that may have been kept.
  package init(_ decoding: DecodingSession, store: SnapshotStore?, session: String?) {
    self.decoding = decoding
    self.store = store
    if let session, let store, store.restore(session: session, into: decoding) != nil {
      onDisk = decoding.tokens
    }
  }

  /// Brings the timeline to a prompt, as `DecodingSession.sync` does. At the beginning of a
  /// conversation the fixed part of the prompt comes from the disk, or is put there afterwards.
  ///
  /// - Parameters:
  ///   - borders: places where a next prompt may part from this one.
  ///   - fixed: how many tokens every prompt of this kind begins with; asked only if needed.
  package func sync(
    to prompt: [TokenID], borders: [Int] = [], fixed: () throws -> Int = { 0 },
    progress: (_ done: Int, _ total: Int) -> Bool
  ) throws -> DecodingSession.SyncResult {
    isForgotten = false
    var evaluated = 0
    var restored: Int?
    if let store, decoding.tokens.isEmpty, prompt.count > SnapshotRule.leastPrefix {
      let count = min(try fixed(), prompt.count - 1)
      if count >= SnapshotRule.leastPrefix, !store.restore(prefix: prompt[..<count], into: decoding)
      {
        let started = ContinuousClock.now
        let result = try decoding.sync(to: Array(prompt[..<count])) { done, _ in
          progress(done, prompt.count)
        }
        if result.cancelled { return result }
        evaluated = count
        restored = 0
        copyPrefix(seconds: started.duration(to: .now) / .seconds(1))
      }
    }
    let started = ContinuousClock.now
    var result = try decoding.sync(to: prompt, borders: borders) { done, total in
      progress(evaluated + done, evaluated + total)
    }
    if result.evaluated >= SnapshotRule.leastMeasured, !result.cancelled {
      secondsPerToken = started.duration(to: .now) / .seconds(1) / Double(result.evaluated)
    }
    result.reused = restored ?? result.reused
    result.evaluated += evaluated
    return result
  }

  private func copyPrefix(seconds: Double) {
    let count = decoding.tokens.count
    guard SnapshotRule.paysPrefix(seconds: seconds, bytes: decoding.keptBytes(tokens: count)) else {
      return
    }
    var file: [UInt8] = []
    _ = decoding.keep { piece in
      file.append(contentsOf: piece)
      return true
    }
    prefix = (decoding.tokens, file)
  }

  /// Writes the fixed beginning if it is new: some megabytes, once for each model and kind of prompt.
  package func writePrefix() {
    if let prefix { store?.keep(prefix: prefix.tokens, of: decoding.model, prefix.file) }
    prefix = nil
  }

  /// Writes the conversation where that saves enough time when it is resumed.
  ///
  /// - Parameters:
  ///   - isLeft: nothing will be added to it soon.
  ///   - proceed: false gives up; the file is then as it was.
  package func write(session id: String, isLeft: Bool, proceed: () -> Bool) {
    guard let store, !isForgotten, let secondsPerToken else { return }
    let tokens = decoding.tokens
    // The file may have been removed since, by whoever needed the room.
    let isThere = store.has(session: id, decoding.model)
    let known = isThere ? zip(onDisk, tokens).prefix { $0 == $1 }.count : 0
    guard
      SnapshotRule.paysSession(
        new: tokens.count - known, of: tokens.count, secondsPerToken: secondsPerToken,
        bytes: decoding.keptBytes(tokens: tokens.count), isLeft: isLeft),
      store.keep(session: id, decoding, proceed: proceed)
    else { return }
    onDisk = tokens
  }

  /// What is held now is not to be written, and not what its file is compared with.
  package func forget() {
    isForgotten = true
    onDisk = []
  }
}

/// When keeping what was read pays. Pure arithmetic on measured times.
package enum SnapshotRule {
  /// Bytes a second that come from a file: a slow disk. From memory it is more.
  package static let bytesPerSecond = 1e9
  /// A fixed beginning shorter than a tile of the cache is read faster than a file is opened.
  package static let leastPrefix = 64
  /// Tokens it takes to measure a speed.
  package static let leastMeasured = 32

  /// Reading a file must be four times as fast, and save what somebody could notice.
  package static func paysPrefix(seconds: Double, bytes: Int) -> Bool {
    let reading = Double(bytes) / bytesPerSecond
    return bytes <= SnapshotStore.fileLimit / 8 && seconds >= 4 * reading
      && seconds - reading >= 0.02
  }

  /// Each answer's end is a chance to write the whole conversation anew: it must save a second of
  /// reading beyond what the file there is saves; when the conversation is left, a tenth.
  package static func paysSession(
    new: Int, of tokens: Int, secondsPerToken: Double, bytes: Int, isLeft: Bool
  ) -> Bool {
    let reading = Double(bytes) / bytesPerSecond
    return bytes <= SnapshotStore.fileLimit && Double(tokens) * secondsPerToken >= 4 * reading
      && Double(new) * secondsPerToken >= (isLeft ? 0.1 : 1)
  }
}
