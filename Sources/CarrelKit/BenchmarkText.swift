import Tokenization

/// What benchmarks have a model write: plain sentences. How fast a token is found depends a little on how
/// sure a model is of it (`OutputScreen`), and of random tokens none is ever sure.
package enum BenchmarkText {
  /// The first `count` tokens, again from the start where it has fewer.
  package static func ids(_ count: Int, tokenizer: any Tokenizer) -> [TokenID] {
    let ids = tokenizer.encode(text)
    guard !ids.isEmpty else { return [TokenID](repeating: 0, count: count) }
    return (0..<count).map { ids[$0 % ids.count] }
  }

  private static let text = """
    The reading room closes at nine. Whoever wants to stay longer asks the porter for a key, writes a \
    name into the book beside the door and leaves the lamps as they were found. Most visitors come for \
    the maps: three hundred sheets of the coast, drawn by hand between two wars, on which every rock \
    that has sunk a ship is marked with a small red cross. The oldest of them shows a harbour that the \
    sea took away in a single night, with its church, its two inns and the road that led to the hills. \
    Nobody has found a stone of it since. A fisherman once brought up a bell, but he could not say \
    where, and the bell had no name on it. It hangs over the stairs now, and children are allowed to \
    ring it on the last day of the year, once each, before they are sent home to bed.
    """
}
