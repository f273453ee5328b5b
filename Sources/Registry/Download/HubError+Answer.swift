// From an answer that is no success to the one sentence a person needs.

extension HubError {
  /// - Parameters:
  ///   - body: the start of the answer's body, for the Hub's own words.
  ///   - subject: the repository or file that was asked for.
  ///   - repository: where terms are accepted.
  ///   - hasToken: whether a token was sent.
  package init(
    answer head: HTTPHead, body: String = "", subject: String, repository: String,
    endpoint: String, hasToken: Bool
  ) {
    let kind = head["x-error-code"] ?? ""
    let words = (head["x-error-message"] ?? body).prefix(300)
    let signIn =
      hasToken
      ? "the token that was sent has no access"
      : "set HF_TOKEN to a token of an account that has access"
    func error(_ code: Code, _ message: String) -> HubError {
      HubError(code, message, subject: subject)
    }
    if words.hasPrefix("Access to this resource is disabled") {
      self = error(.disabled, "the Hub has disabled this repository")
      return
    }
    switch (head.status, kind) {
    case (401, "GatedRepo"), (403, "GatedRepo"):
      let accept = "the model is gated: accept its terms at \(endpoint)/\(repository)"
      self = error(
        .gated,
        hasToken ? "\(accept) with the account of your token" : "\(accept), then set HF_TOKEN"
      )
    case (401, _) where words.contains("Invalid credentials"):
      self = error(.badToken, "the Hub refused the token; check HF_TOKEN or the stored token")
    case (401, _):
      self = error(
        .unauthorized,
        "the repository does not exist, or is private or gated: check the name, or \(signIn)")
    case (403, _):
      self = error(.forbidden, "access is forbidden (403): \(signIn)")
    case (404, "EntryNotFound"):
      self = error(.fileNotFound, "the repository has no such file (404)")
    case (404, "RevisionNotFound"):
      self = error(.revisionNotFound, "the repository has no such branch, tag or commit (404)")
    case (404, "RepoNotFound"):
      self = error(.repositoryNotFound, "there is no such repository (404); check the name")
    case (404, _):
      self = error(.fileNotFound, "the server has nothing there (404)")
    case (410, _):
      self = error(.gone, "the server says it is gone for good (410)")
    case (429, _):
      let seconds = head.retryDelay ?? 60
      self = error(
        .rateLimited(seconds: seconds),
        "the server limits requests (429) and asks to wait \(Int(seconds.rounded(.up))) s"
          + (hasToken ? "" : "; a token (HF_TOKEN) raises the limit"))
    case (500..., _), (408, _):
      self = error(
        .server(status: head.status), "the server has a fault of its own (\(head.status))")
    default:
      self = error(
        .badAnswer, "expected the file or a reason, found status \(head.status) from the server")
    }
  }
}
