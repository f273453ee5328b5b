// What a user types to name a model on the Hub.

/// `owner/name[:quant][@revision]`, such as `ggml-org/gpt-oss-20b-GGUF:MXFP4@main`.
///
/// `quant` is a quantisation label or the whole name of a file; without it the repository's files
/// decide (``FileSelection``). `revision` is a branch, a tag, `refs/pr/N` or a 40-digit commit.
package struct HubReference: Sendable, Hashable, CustomStringConvertible {
  /// `owner/name`, or `name` alone for the few old repositories without an owner.
  package let repository: String
  package let quant: String?
  package let revision: String
  /// Exactly these paths instead of a choice by rule; what a catalogue entry gives.
  package let files: [String]?

  package init(
    repository: String, quant: String? = nil, revision: String = "main", files: [String]? = nil
  ) throws(HubError) {
    func refuse(_ message: String) -> HubError {
      HubError(.invalidReference, message, subject: repository)
    }
    let parts = repository.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 1 || parts.count == 2, parts.allSatisfy(Self.isName) else {
      throw refuse("expected owner/name[:quant][@revision], such as org/model-GGUF:Q4_K_M")
    }
    if let quant, quant.isEmpty || quant.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }) {
      throw refuse("nothing readable follows the colon; expected a quantisation such as Q4_K_M")
    }
    guard !revision.isEmpty, revision.utf8.count <= 200, !revision.hasPrefix("/"),
      !revision.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }),
      revision.split(separator: "/", omittingEmptySubsequences: false)
        .allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." })
    else {
      throw refuse("\"\(revision)\" is no revision; expected a branch, a tag or a commit")
    }
    if let bad = files?.first(where: { !HubFile.isSafePath($0) }) {
      throw refuse("\"\(bad)\" is no path inside a repository")
    }
    self.repository = repository
    self.quant = quant
    self.revision = revision
    self.files = files
  }

  /// Reads the form users type; a leading `hf:` or `https://<host>/` is understood too.
  package init(_ text: String) throws(HubError) {
    var rest = Substring(text)
    for prefix in ["https://huggingface.co/", "http://huggingface.co/", "huggingface.co/", "hf:"]
    where rest.hasPrefix(prefix) {
      rest = rest.dropFirst(prefix.count)
      while rest.hasSuffix("/") { rest = rest.dropLast() }
      break
    }
    var revision = "main"
    if let at = rest.firstIndex(of: "@") {
      revision = String(rest[rest.index(after: at)...])
      rest = rest[..<at]
    }
    var quant: String?
    if let colon = rest.firstIndex(of: ":") {
      quant = String(rest[rest.index(after: colon)...])
      rest = rest[..<colon]
    }
    try self.init(repository: String(rest), quant: quant, revision: revision)
  }

  package var description: String {
    repository + (quant.map { ":\($0)" } ?? "") + (revision == "main" ? "" : "@\(revision)")
  }

  /// A commit needs no look-up and never moves.
  package var isCommit: Bool { Self.isHex(revision, digits: 40) }

  static func isHex(_ text: some StringProtocol, digits: Int) -> Bool {
    text.utf8.count == digits
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  /// The Hub's own rule, minus its length limits: letters, digits, `-`, `_`, `.`; no `..` or `--`
  /// at the ends would be needed for safety beyond this, because `/` cannot occur.
  private static func isName(_ text: Substring) -> Bool {
    !text.isEmpty && text != "." && text != ".." && text.utf8.count <= 128
      && !text.contains("..") && !text.hasPrefix("-")
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte)
          || (0x61...0x7a).contains(byte) || byte == 0x2d || byte == 0x5f || byte == 0x2e
      }
  }
}
