import CarrelKit

/// The one place where errors become what a user reads and the code the program ends with.
package enum Sentences {
  package struct Outcome: Sendable, Equatable {
    package let code: Int32
    package let message: String
  }

  package static func outcome(of error: any Error) -> Outcome {
    switch error {
    case let error as UsageError:
      Outcome(code: 2, message: error.description)
    case let error as CarrelError:
      Outcome(code: error.code.rawValue, message: sentence(error.message))
    case let error as UsageMistake:
      Outcome(code: 2, message: error.description)
    case is CancellationError:
      Outcome(code: 130, message: "Interrupted.")
    default:
      // The errors of the modules below describe themselves in one sentence.
      Outcome(code: 1, message: sentence(String(describing: error)))
    }
  }

  /// With a full stop at its end.
  private static func sentence(_ text: String) -> String {
    guard let last = text.last else { return "Something failed without saying what." }
    return ".!?`)".contains(last) ? text : text + "."
  }
}
