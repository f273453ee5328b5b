/// When the words of an index are merged into one FTS5 segment, and in what steps.
///
/// Every commit writes a segment of words, and FTS5 joins them as they gather, eight at a time: a million
/// passages end in some twenty, and a search asks each of them for each of its words. After the merge it asks
/// one, and is three times as quick where it was slowest.
///
/// Nothing is done below `least` passages: a search is quick there anyway, and entering words alone would take
/// a quarter more time. Above, the words are merged when more than a quarter of the passages came since they
/// were last: less than four are written anew for each that was entered, however an index grew, and a run
/// that brings little leaves the words as they are.
package struct WordMerge: Sendable, Equatable {
  /// Passages of the smallest index whose words are merged for speed.
  package var least = 262_144
  /// Pages of about 4 KiB that one transaction writes: 0.05 s, 0.3 at most as measured;
  /// a run can be stopped between two.
  package var pages = 1000

  package init() {}

  /// - Parameters:
  ///   - removed: passages removed by this run; their words stay until they are merged away, which is worth
  ///     it for an index of any size when a quarter of it went.
  ///   - entered: passages entered since everything was merged.
  ///   - passages: counts those there are, which takes a while; asked only where it matters.
  package func isDue(removed: Int, entered: Int, passages: () throws -> Int) rethrows -> Bool {
    if removed == 0 && entered <= least / 4 { return false }
    let passages = try passages()
    return removed > (removed + passages) / 4 || passages >= least && entered > passages / 4
  }
}
