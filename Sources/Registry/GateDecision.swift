// What the gate decided, with every number it decided by.

/// A choice of model and context, or the reasons why there is none.
package struct GateDecision: Sendable {
  /// What there is to give.
  package struct Have: Sendable, Equatable {
    /// The limit that leaves least; nil when none could be read.
    package var limit: MemorySnapshot.Limit?
    package var reserve: Int
    /// What this process holds already and the needs count again, so that nothing counts twice: the
    /// memory of models that stay, and of those that leave.
    package var credit: Int

    /// Bytes a model may take; nil when no limit could be read.
    package var bytes: Int? {
      limit.map { max(0, $0.available.saturatingAdd(credit) - reserve) }
    }

    package var source: String { limit?.source ?? "no known limit" }

    /// Name and bytes of each term, as printed and as in JSON.
    package var terms: [(name: String, bytes: Int)] {
      guard let limit else { return [] }
      return [
        ("limit", limit.limit), ("used", limit.used), ("reclaimable", limit.reclaimable),
        ("reserve", reserve), ("credit", credit),
      ]
    }

    package var arithmetic: String {
      guard let limit, let bytes else { return "unknown: no limit could be read" }
      var text = "\(ByteText.binary(bytes)) = \(ByteText.binary(limit.limit)) (\(limit.source))"
      text += " - \(ByteText.binary(limit.used)) in use"
      if limit.reclaimable > 0 {
        text += " + \(ByteText.binary(limit.reclaimable)) reclaimable file cache"
      }
      if credit > 0 { text += " + \(ByteText.binary(credit)) held by this process already" }
      return text + " - \(ByteText.binary(reserve)) reserve"
    }
  }

  /// One candidate and what came of it.
  package struct Verdict: Sendable, Equatable {
    package var id: String
    package var fits: Bool
    /// The context it fits at, or the smallest that was tried; in tokens.
    package var context: Int
    /// The need at that context.
    package var need: MemoryNeed
    /// One phrase: how it fits, or why not and what would make it fit.
    package var reason: String
  }

  package let have: Have
  /// From the highest rank down.
  package let verdicts: [Verdict]
  private let choiceIndex: Int?
  /// Chosen against the numbers, because the user said so.
  package let isForced: Bool
  /// What could not be read about this machine's memory.
  package let problems: [String]

  init(
    have: Have, verdicts: [Verdict], choiceIndex: Int?, isForced: Bool, problems: [String]
  ) {
    self.have = have
    self.verdicts = verdicts
    self.choiceIndex = choiceIndex
    self.isForced = isForced
    self.problems = problems
  }

  /// What to load, at `choice.context`; nil when nothing fits.
  package var choice: Verdict? { choiceIndex.map { verdicts[$0] } }

  /// The candidates of a higher rank than the choice, none of which fits.
  package var refused: [Verdict] { Array(verdicts[..<(choiceIndex ?? verdicts.count)]) }

  /// The arithmetic in full, a line for each number: what there is, what each refused candidate and
  /// the choice would take.
  package var explanation: String {
    var lines = ["have \(have.arithmetic)"]
    lines += problems
    for verdict in refused {
      lines.append("not \(verdict.id): \(verdict.reason)")
      lines.append("  at \(verdict.context) tokens \(verdict.need.arithmetic)")
    }
    if let choice {
      let how = isForced ? "forced, against the numbers: \(choice.reason)" : choice.reason
      lines.append("\(choice.id) at \(choice.context) tokens: \(how)")
      lines.append("  need \(choice.need.arithmetic)")
    } else {
      lines.append(verdicts.isEmpty ? "no model is installed" : "nothing fits")
    }
    return lines.joined(separator: "\n")
  }
}
