// Why a model could not be found, trusted or described, as one type.

/// A failure of the catalogue, of discovery or of verification.
package struct RegistryError: Error, Sendable, CustomStringConvertible {
  package enum Code: Sendable, Equatable {
    /// `catalog.json` cannot be read or contradicts itself.
    case badCatalog
    /// Nothing installed or known has the name.
    case unknownModel
    /// Several models have names that begin like that.
    case ambiguous
    /// Known, but not on this machine.
    case notInstalled
    /// Files or parts are missing.
    case incomplete
    /// A file's header cannot be used, or size or digest are not those of the catalogue.
    case damaged
    /// A file of a kind that is not read here.
    case unsupported
    /// It lies where Carrel does not remove anything.
    case notOurs
    /// The caller asked to stop.
    case cancelled
  }

  package let code: Code
  package let message: String
  /// The model's name or the file's path.
  package let subject: String

  package init(_ code: Code, _ message: String, subject: String) {
    self.code = code
    self.message = message
    self.subject = subject
  }

  package var description: String { "\(subject): \(message)" }
}
