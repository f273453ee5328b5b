/// What a file is, told by its name.
package enum FileFormat: Sendable, Equatable {
  /// Text as it stands.
  case plain(ContentKind)
  case html, notebook
  /// Read through a program: "pdftotext" or "pandoc" with its input format.
  case pdf
  case pandoc(String)

  /// - Parameter name: a path or file name.
  package init(name: String) {
    let file = name.split(separator: "/").last.map(String.init) ?? name
    let suffix = file.lastIndex(of: ".").map { file[file.index(after: $0)...].lowercased() } ?? ""
    if let format = Self.formats[suffix] {
      self = format
    } else if Self.codeSuffixes.contains(suffix) || Self.codeNames.contains(file) {
      self = .plain(.code)
    } else {
      self = .plain(.text)
    }
  }

  private static let formats: [String: FileFormat] = [
    "md": .plain(.markdown), "markdown": .plain(.markdown), "mdx": .plain(.markdown),
    "mkd": .plain(.markdown), "qmd": .plain(.markdown), "rmd": .plain(.markdown),
    "html": .html, "htm": .html, "xhtml": .html,
    "jsonl": .plain(.rows), "ndjson": .plain(.rows),
    "csv": .plain(.table), "tsv": .plain(.table),
    "ipynb": .notebook, "pdf": .pdf,
    "docx": .pandoc("docx"), "odt": .pandoc("odt"), "epub": .pandoc("epub"), "rtf": .pandoc("rtf"),
  ]

  private static let codeNames: Set<String> = ["Makefile", "Dockerfile", "Rakefile", "Gemfile"]

  private static let codeSuffixes: Set<String> = [
    "swift", "c", "h", "cc", "cpp", "cxx", "hpp", "hh", "m", "mm", "rs", "go", "py", "pyi", "rb",
    "js", "mjs", "cjs", "jsx", "ts", "tsx", "java", "kt", "kts", "scala", "cs", "fs", "php", "pl",
    "pm", "lua", "r", "jl", "sh", "bash", "zsh", "fish", "sql", "zig", "hs", "ml", "mli", "ex",
    "exs",
    "erl", "clj", "dart", "vue", "svelte", "css", "scss", "cmake", "gradle", "proto", "asm", "s",
    "el", "lisp", "vim", "tf", "nix", "ps1", "cu", "metal", "glsl", "v", "sv", "vhd", "f90",
  ]
}
