/// Puts passages that follow one another in a document together again. Pure.
///
/// Passages that were found side by side are read as one: one number to cite, one line that says
/// where it is from, and no sentence torn in two.
enum SourceJoin {
  /// Whether one goes on where the other ends.
  static func areNeighbours(_ a: Source, _ b: Source) -> Bool {
    guard a.path == b.path, let first = a.ordinals, let second = b.ordinals else { return false }
    return first.upperBound + 1 == second.lowerBound || second.upperBound + 1 == first.lowerBound
  }

  /// Both as one, under the number of `a`.
  static func joined(_ a: Source, _ b: Source) -> Source {
    let (first, second) = a.startByte <= b.startByte ? (a, b) : (b, a)
    let lines = second.startLine - first.endLine
    let seam = lines <= 0 ? " " : String(repeating: "\n", count: min(lines, 3))
    let text =
      second.startByte < first.endByte
      ? first.text + rest(of: second.text, after: first.text) : first.text + seam + second.text
    var source = Source(
      n: a.n, path: a.path, startLine: first.startLine, endLine: second.endLine,
      startByte: first.startByte, endByte: second.endByte, text: text)
    if let low = first.ordinals?.lowerBound, let high = second.ordinals?.upperBound {
      source.ordinals = low...max(low, high)
    }
    return source
  }

  /// A text without the beginning that repeats the end of the one before.
  private static func rest(of text: String, after before: String) -> Substring {
    let old = Array(before.utf8)
    let new = Array(text.utf8)
    var length = min(old.count, new.count)
    while length > 0, !old.suffix(length).elementsEqual(new.prefix(length)) { length -= 1 }
    return Substring(text.utf8.dropFirst(length))
  }

  /// Adds a passage to those chosen so far: joins it to its neighbours, or appends it.
  static func adding(_ new: Source, to chosen: [Source]) -> [Source] {
    guard let place = chosen.firstIndex(where: { areNeighbours($0, new) }) else {
      return chosen + [new]
    }
    var chosen = chosen
    chosen[place] = joined(chosen[place], new)
    // It may have closed the gap to another one.
    if let other = chosen.indices.first(where: {
      $0 != place && areNeighbours(chosen[place], chosen[$0])
    }) {
      let (low, high) = (min(place, other), max(place, other))
      chosen[low] = joined(chosen[low], chosen[high])
      chosen.remove(at: high)
    }
    return chosen
  }

  /// Numbered in order, from the number the first had.
  static func numbered(_ sources: [Source], from first: Int) -> [Source] {
    sources.enumerated().map { place, source in
      var source = source
      source.n = first + place
      // What is kept of an answer does not know them.
      source.ordinals = nil
      return source
    }
  }
}
