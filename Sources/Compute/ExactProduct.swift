import CBLAS

/// One vector, ready for true inner products with rows of floats. Products of floats are exact in double
/// precision; BLAS adds them up (`cblas_ddot`: each product is its own call, so equal rows have equal
/// products wherever they lie, which a matrix product over several rows does not promise). Where there is
/// no such library they are added up in order.
package struct ExactProduct: Sendable {
  private static let ddot = carrel_blas_load_ddot()

  /// Loads the library, which otherwise comes with the first product.
  package static func loadLibrary() { _ = ddot }

  private let query: [Double]

  /// - Parameter query: [columns]
  package init(_ query: UnsafeBufferPointer<Float>) { self.query = query.map(Double.init) }

  /// Calls `body` with a function that gives Σ row · query for a row of `columns` floats.
  package func withProduct<R>(_ body: ((UnsafePointer<Float>) -> Double) -> R) -> R {
    let columns = query.count
    return withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, columns)) { wide in
      query.withUnsafeBufferPointer { query in
        guard let wide = wide.baseAddress, let query = query.baseAddress else {
          return body { _ in 0 }
        }
        guard let ddot = Self.ddot else {
          return body { row in
            (0..<columns).reduce(0) { $0 + Double(row[$1]) * query[$1] }
          }
        }
        return body { row in
          for column in 0..<columns { wide[column] = Double(row[column]) }
          return ddot(Int32(columns), wide, 1, query, 1)
        }
      }
    }
  }

  /// Σ row · query.
  /// - Parameter row: [columns]
  package func callAsFunction(_ row: UnsafePointer<Float>) -> Double { withProduct { $0(row) } }
}
