// Passes over a whole vocabulary, sixteen logits at a time: there is one for every token that is written.

extension UnsafeBufferPointer<Float> {
  private static var width: Int { SIMD16<Float>.scalarCount }

  /// Sixteen of them from `start` on.
  private func sixteen(_ start: Int) -> SIMD16<Float> {
    UnsafeRawPointer(baseAddress! + start).loadUnaligned(as: SIMD16<Float>.self)
  }

  /// The highest; −∞ where none is a number.
  var highest: Float {
    var lanes = SIMD16<Float>(repeating: -.infinity)
    var index = 0
    while index + Self.width <= count {
      let next = sixteen(index)
      lanes.replace(with: next, where: next .> lanes)  // nothing is above or below NaN
      index += Self.width
    }
    var top = lanes.max()
    for value in self[index...] where value > top { top = value }
    return top
  }

  /// Calls `body` with every index whose value is at least `floor`, in order, until it says false.
  func scan(atLeast floor: Float, _ body: (Int) -> Bool) {
    var index = 0
    while index < count {
      let end = Swift.min(index + Self.width, count)
      if end - index < Self.width || any(sixteen(index) .>= floor) {
        for place in index..<end where self[place] >= floor && !body(place) { return }
      }
      index = end
    }
  }

  /// The same with every index whose value is not known to be lower, NaN among them.
  func scan(notBelow floor: Float, _ body: (Int) -> Bool) {
    var index = 0
    while index < count {
      let end = Swift.min(index + Self.width, count)
      if end - index < Self.width || !all(sixteen(index) .< floor) {
        for place in index..<end where !(self[place] < floor) && !body(place) { return }
      }
      index = end
    }
  }
}
