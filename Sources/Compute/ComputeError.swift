// Why arithmetic on given weights was refused, as one type.

/// Weights this module cannot compute with.
package struct ComputeError: Error, Sendable, CustomStringConvertible {
  package enum Code: Sendable, Equatable {
    /// An element type that is no weight type (integers).
    case unsupportedType
    /// A shape that is no matrix or stack of matrices.
    case badShape
  }

  package let code: Code
  /// What was expected and what was found.
  package let message: String
  /// The tensor's name.
  package let subject: String

  package init(_ code: Code, _ message: String, subject: String) {
    self.code = code
    self.message = message
    self.subject = subject
  }

  package var description: String { "\(subject): \(message)" }
}
