/// The words that give a kind of work away, in English with the commonest of German, French and
/// Spanish. Order matters: what is sure comes first, what is left is a short question.
enum QuestionCues {
  static func task(of question: QuestionWords) -> QuestionFeatures.Task {
    if isMeta(question) { return .meta }
    if question.holdsIdentifier || codeMarks.contains(where: question.text.contains) {
      return .code
    }
    if isTitle(question) { return .title }
    if bringsItsText(question), isSummary(question) { return .summary }
    if isCode(question) { return .code }
    if isAboutDocuments(question) { return .documents }
    if isLong(question) { return .long }
    if isSummary(question) { return .summary }
    if isAnalysis(question) { return .analysis }
    return .short
  }

  /// Tokens an answer needs when the question itself sets its length: "in one sentence", "500 words".
  static func statedBudget(_ question: QuestionWords) -> Int? {
    for (place, word) in question.words.enumerated() {
      let next = place + 1 < question.words.count ? question.words[place + 1] : ""
      if let number = Int(word), number > 0, number < 100_000, next.hasPrefix("word") {
        return number * 4 / 3
      }
      if word.hasSuffix("-word"), let number = Int(word.dropLast(5)), number > 0, number < 100_000 {
        return number * 4 / 3
      }
    }
    return question.contains(anyPhrase: ["one word", "one line", "one sentence", "a single word"])
      ? 40 : nil
  }

  // MARK: Meta

  private static func isMeta(_ question: QuestionWords) -> Bool {
    let words = question.words
    guard words.count <= 12 else { return false }
    if question.contains(anyPhrase: ["call you", "tell me about yourself"]) { return true }
    if words.isEmpty || words.allSatisfy(courtesies.contains) { return true }
    // About this conversation.
    if question.contains(anyPhrase: conversation) { return true }
    // About the one who answers: "you" with few words around it and no other work named.
    guard question.contains(anyOf: you), words.count <= 9 else { return false }
    return !question.contains(anyOf: workWords) && aboutAnswerer(question)
  }

  private static func aboutAnswerer(_ question: QuestionWords) -> Bool {
    let first = question.words[0]
    if question.contains(anyPhrase: requests) { return question.words.count <= 4 }
    return askers.contains(first) || question.contains(anyPhrase: selfReferences)
  }

  private static let courtesies: Set<String> = [
    "hi", "hello", "hey", "there", "good", "morning", "evening", "afternoon", "night", "day",
    "thanks", "thank", "you", "very", "much", "so", "ok", "okay", "great", "nice", "cool", "bye",
    "goodbye", "help", "please", "test", "yes", "no", "again", "welcome", "cheers", "sure",
    "hallo", "danke", "guten", "tag", "morgen", "abend", "tschüss", "bitte", "bonjour", "merci",
    "beaucoup", "salut", "hola", "gracias", "muchas", "buenos", "días", "adiós",
  ]
  private static let you: Set<String> = [
    "you", "your", "du", "dein", "deine", "tu", "vous", "eres", "usted",
  ]
  private static let askers: Set<String> = [
    "who", "what", "which", "are", "do", "how", "where", "when", "wer", "was", "bist", "kannst",
    "qui", "es-tu", "quién", "qué",
  ]
  private static let selfReferences = [
    "are you", "do you", "can you", "your name", "made you",
  ]
  /// "Can you …" opens a request as often as a question about the program.
  private static let requests = ["can you", "could you", "would you", "will you", "kannst du"]
  private static let conversation = [
    "did i just", "did i ask", "last answer", "previous answer", "your last", "did you say",
    "what model", "which model", "am i talking", "this program", "your context", "context hold",
    "you search my files",
  ]
  /// Work a sentence with "you" in it may still ask for.
  private static let workWords: Set<String> = [
    "write", "explain", "compare", "why", "code", "function", "should", "recommend", "think",
    "parse", "make", "invest", "fix", "convert", "translate", "calculate", "solve",
  ]

  // MARK: Titles and summaries

  /// The text to work on follows a colon, an arrow or a line break.
  private static func bringsItsText(_ question: QuestionWords) -> Bool {
    guard let mark = question.text.firstIndex(where: { ":>\n".contains($0) }) else { return false }
    return question.text[mark...].split(separator: " ").count >= 6
  }

  private static let titles: Set<String> = [
    "title", "titles", "headline", "titel", "titre", "título",
  ]

  private static func isTitle(_ question: QuestionWords) -> Bool {
    // What is asked for comes first; what it is for may be a whole text after it.
    let request = Set(question.words.prefix(10))
    return !request.isDisjoint(with: titles) && request.isDisjoint(with: longForms)
      || question.contains(anyPhrase: ["subject line", "name this chat", "name this conversation"])
  }

  private static func isSummary(_ question: QuestionWords) -> Bool {
    question.contains(anyOf: [
      "summarise", "summarize", "summary", "recap", "shorten", "tldr", "condense", "boil",
      "gist", "abridge", "résume", "résumé", "zusammenfassung", "resumen",
    ]) || question.contains(anyPhrase: ["sum up", "tl dr", "one line", "one sentence"])
  }

  // MARK: Code

  private static func isCode(_ question: QuestionWords) -> Bool {
    question.contains(anyOf: codeWords) || question.contains(anyPhrase: codePhrases)
      || question.words.contains { $0.hasSuffix("error") && $0.count > 7 }
  }

  private static let codeMarks = [
    "`", "();", "() ", "()", "{\n", "==", "++", "::", "=>", ")->", ") ->", ".sh", "/usr/", "/etc/",
    "sudo ", "</", "#include", "def ", "\\d",
    "[a-z", "i<", "+=", "error:", "exception:", "warning:", "traceback (", "panic:",
  ]
  private static let codeWords: Set<String> = [
    "code", "function", "functions", "funktion", "método", "fonction", "class", "bug", "bugs",
    "debug", "debugger", "compile", "compiler", "compiles", "crash", "crashes", "segfault",
    "segmentation", "exception", "traceback", "regex", "regexp", "sql", "query", "refactor",
    "implement", "algorithm", "quicksort", "python", "javascript", "typescript", "rust", "swift",
    "golang", "java", "kotlin", "c++", "bash", "shell", "script", "dockerfile", "docker",
    "kubernetes", "api", "json", "yaml", "xml", "html", "css", "div", "flexbox", "svg", "git",
    "rebase", "commit", "vim",
    "linux", "ci", "pipeline", "async", "await", "struct", "enum", "pointer", "malloc", "thread",
    "mutex", "null", "nonetype", "variable", "loop", "array", "hashmap", "linked", "recursion",
    "skript", "programm", "programa", "función", "github", "gitlab", "workflow", "pytest", "pandas",
    "numpy", "dataframe", "dataframes", "excel", "spreadsheet", "formula", "django", "flask",
    "react",
    "node", "postgres", "postgresql", "mysql", "sqlite", "redis", "mongodb", "nginx", "kubectl",
    "terraform", "ansible", "php", "ruby", "perl", "matlab", "powershell", "cron", "crontab",
    "systemd", "ssh", "curl",
    "regexes", "endpoint", "middleware", "frontend", "backend", "refactoring", "deadlock",
    "callback",
    "unit-test", "makefile", "cmake", "npm", "pip", "stderr", "stdout", "localhost",
  ]
  private static let codePhrases = [
    "regular expression", "unit test", "unit tests", "time complexity", "stack trace",
    "header declares", "source code", "command line", "everywhere rename",
  ]

  // MARK: Documents

  private static func isAboutDocuments(_ question: QuestionWords) -> Bool {
    question.contains(anyOf: documentWords) || question.contains(anyPhrase: documentPhrases)
      || question.words.contains { word in
        documentEndings.contains { word == $0 } && question.text.contains("." + word)
      }
      || question.contains(["page", "chapter", "section", "paragraph"], then: numbers, within: 1)
      || question.words.contains { word in attachedStems.contains { word.hasPrefix($0) } }
      || question.contains(possessives, then: documentNouns, within: 4)
      || question.contains(
        ["find", "search", "list", "every", "all"], then: documentNouns, within: 4)
      || question.contains(
        ["the", "which", "this", "der", "den", "dem", "le", "el"], then: documentNouns, within: 2)
        && !question.contains(
          ["write", "draft", "compose", "rewrite"], then: documentNouns, within: 4)
  }

  private static let numbers = Set((1...400).map(String.init))
  private static let documentEndings: Set<String> = [
    "md", "pdf", "txt", "docx", "html", "csv", "epub", "odt", "pptx", "xlsx", "rst", "tex",
  ]
  private static let documentWords: Set<String> = [
    "document", "documents", "docs", "folder", "folders", "readme", "attached", "attachment",
    "pdf", "cite", "uploaded", "handbook", "bylaws", "letters", "emails", "scan", "scanned",
    "scans", "bills", "receipts", "invoices", "dokument",
    "dokumente", "dokumenten", "documentos", "fichier", "fichiers",
  ]
  private static let documentPhrases = [
    "according to", "steht in", "letter say", "say about", "says about", "my notes", "my files",
    "the files", "the file", "meeting minutes", "my emails",
    "my mails", "find the section", "quote the", "in the text", "in the corpus", "den bericht",
    "le rapport", "los contratos", "dos contratos", "der vertrag", "le contrat",
  ]
  private static let possessives: Set<String> = [
    "my", "our", "mein", "meine", "meinem", "meinen", "meiner", "unser", "unsere", "unserem",
    "unseren", "mon", "ma", "mes", "notre", "nos", "mi", "mis", "nuestro", "nuestra",
  ]
  private static let attachedStems = ["angehängt", "beigefügt", "ci-joint", "adjunt"]
  private static let documentNouns: Set<String> = [
    "vertrag", "mietvertrag", "arbeitsvertrag", "kaufvertrag", "bericht", "jahresbericht",
    "handbuch",
    "rechnung", "notizen", "protokoll", "unterlagen", "contrat", "rapport", "facture", "manuel",
    "contrato", "informe", "factura", "notas", "policy", "warranty", "agreement", "resume", "cv",
    "slides", "presentation", "diary", "journal", "transcripts", "statement", "payslip", "syllabus",
    "contract", "contracts", "manual", "report", "reports", "notes", "paper", "papers", "book",
    "letter", "lease", "minutes", "proposals", "proposal", "invoice", "invoices", "emails",
    "article", "thesis", "section", "appendix", "transcript", "specification", "spec", "changelog",
  ]

  // MARK: Long texts and analysis

  private static func isLong(_ question: QuestionWords) -> Bool {
    if question.words.contains(where: { word in longEndings.contains { word.hasSuffix($0) } }),
      question.contains(anyOf: writing)
    {
      return true
    }
    return question.contains(writing, then: longForms, within: 8)
      || question.contains(anyPhrase: longPhrases)
      || question.contains(anyOf: ["in-depth", "comprehensive", "exhaustive", "aufsatz", "essay"])
  }

  private static let writing: Set<String> = [
    "write", "draft", "compose", "create", "rewrite", "schreibe", "schreib", "verfasse", "écris",
    "rédige", "escribe", "redacta", "give", "produce", "continue", "need", "want", "prepare",
    "tell",
  ]
  private static let longForms: Set<String> = [
    "essay", "story", "article", "letter", "speech", "poem", "guide", "plan", "blog", "chapter",
    "report", "novel", "script", "proposal", "page", "post", "review", "biography", "tutorial",
    "letters", "lecture", "stanzas", "brief", "aufsatz", "geschichte", "histoire", "ensayo",
    "explanation", "dissertation", "discours", "lettre", "carta", "discurso", "eulogy", "sermon",
    "screenplay", "monologue", "newsletter", "manifesto", "toast",
  ]
  /// German puts what kind of text it is at the end of the word.
  private static let longEndings = [
    "aufsatz", "brief", "geschichte", "rede", "artikel", "schreiben",
  ]
  private static let longPhrases = [
    "tell me everything", "in detail", "every detail", "detailed", "as long as",
  ]

  private static func isAnalysis(_ question: QuestionWords) -> Bool {
    // A word problem: figures in a text.
    if question.words.count >= 15,
      question.words.filter({ $0.contains(where: \.isNumber) }).count >= 3
    {
      return true
    }
    return question.contains(anyOf: analysisWords) || question.contains(anyPhrase: analysisPhrases)
  }

  private static let analysisWords: Set<String> = [
    "why", "compare", "comparison", "analyse", "analyze", "analysis", "explain", "prove", "proof",
    "derive", "evaluate", "discuss", "plan", "solve", "weigh", "argue", "argument", "arguments",
    "critique", "assess", "pros", "cons", "trade-offs", "implications", "causes", "consequences",
    "warum", "vergleiche", "erkläre", "analysiere", "pourquoi", "explique", "comparer", "compara",
    "explica", "advise", "advice", "decide", "recommend", "strategy", "design", "optimise",
    "optimize",
  ]
  private static let analysisPhrases = [
    "step by step", "what would happen", "should i", "should we", "por qué",
    "what if", "think through", "help me think", "figure out", "work out", "difference between",
    "pros and cons", "how could",
    "reason for",
  ]
}
