import Compute
import Testing

@Suite("Exact products")
struct ExactProductTests {
  @Test("Sums that a float cannot hold are exact", arguments: [1, 2, 3, 15, 16, 17, 384, 1000])
  func exact(columns: Int) {
    // Integers: every partial sum is exact in double precision, whatever the order.
    let row = (0..<columns).map { Float(4097 + $0 * 31) }
    let query = (0..<columns).map { Float($0.isMultiple(of: 2) ? 8191 - $0 : $0 - 8191) }
    let known = (0..<columns).reduce(0) { $0 + Int(row[$1]) * Int(query[$1]) }
    #expect(query.withUnsafeBufferPointer(ExactProduct.init)(row) == Double(known))
  }

  @Test("Equal rows have equal products wherever they lie")
  func place() {
    let columns = 387
    let query = (0..<columns).map { Float($0 % 17) / 7 - 1 }
    let row = (0..<columns).map { Float($0 % 23) / 11 - 0.9 }
    let product = query.withUnsafeBufferPointer(ExactProduct.init)
    let first = product(row)
    for offset in 1..<40 {
      let moved = [Float](repeating: 9, count: offset) + row
      moved.withUnsafeBufferPointer { #expect(product($0.baseAddress! + offset) == first) }
    }
  }
}
