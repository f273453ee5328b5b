import CarrelKit

/// A conversation as a Markdown document.
package enum Transcript {
  package static func markdown(_ turns: [(question: String, answer: Answer)]) -> String {
    var text = "# Conversation with Carrel\n"
    for (question, answer) in turns {
      text += "\n## \(question.split(separator: "\n").joined(separator: " "))\n\n\(answer.text)\n"
      if !answer.sources.isEmpty { text += "\n" }
      for source in answer.sources {
        text += "- [\(source.n)] `\(source.path):\(source.startLine)-\(source.endLine)`\n"
      }
      text += "\n*\(Printing.closing(answer))*\n"
    }
    return text
  }
}
