/// What went wrong, in a sentence a user can act on, with the exit code a command should end with.
///
/// Lower modules throw their own typed errors; CarrelKit lets them through where their sentence is
/// already the right one, and throws this type where a use case fails as a whole.
public struct CarrelError: Error, Sendable, Equatable, CustomStringConvertible {
  public enum Code: Int32, Sendable {
    /// The work failed.
    case failed = 1
    /// The request makes no sense as given.
    case usage = 2
    /// No model fits in the memory that is there.
    case doesNotFit = 3
    /// Something needed is not installed, and there is no network to fetch it from.
    case notInstalled = 4
    /// The user stopped it.
    case interrupted = 130
  }

  public let code: Code
  public let message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  public var description: String { message }
}
