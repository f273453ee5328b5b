/// What a file is, told by its name.
package indirect enum FileFormat: Sendable, Equatable {
  /// Text as it stands.
  case plain(ContentKind)
  case html, notebook, mail
  /// Packed by gzip; what is inside is told by the name without ".gz".
  case gzip(FileFormat)
  /// Read through a program: "pdftotext" or "pandoc" with its input format.
  case pdf
  case pandoc(String)

  /// - Parameter name: a path or file name.
  package init(name: String) {
    let file = name.split(separator: "/").last.map(String.init) ?? name
    let suffix = file.lastIndex(of: ".").map { file[file.index(after: $0)...].lowercased() } ?? ""
    if suffix == "gz" {
      let inner = FileFormat(name: String(file.dropLast(3)))
      // Once is enough: nobody packs text twice, but bombs are made so.
      if case .gzip = inner { self = .gzip(.plain(.text)) } else { self = .gzip(inner) }
    } else if let format = Self.formats[suffix] {
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
    "ipynb": .notebook, "pdf": .pdf, "eml": .mail,
    "docx": .pandoc("docx"), "odt": .pandoc("odt"), "epub": .pandoc("epub"), "rtf": .pandoc("rtf"),
  ]

  private static let codeNames: Set<String> = [
    "Makefile", "makefile", "GNUmakefile", "Dockerfile", "Containerfile", "Rakefile", "Gemfile",
    "Vagrantfile", "Jenkinsfile", "Justfile", "justfile", "CMakeLists.txt", "meson.build", "BUILD",
    "WORKSPACE", "SConstruct", "SConscript", "configure",
  ]

  /// Languages whose definitions begin in the first column, by family.
  private static let codeSuffixes: Set<String> = Set(
    [
      // C and its kin
      "c h cc cpp cxx c++ hpp hh hxx h++ ipp inl tcc m mm cu cuh cl metal glsl hlsl wgsl ino d",
      // Swift, Rust, Go, Zig and other compiled languages
      "swift rs go zig nim cr odin vala hx adb ads pas pp f f77 f90 f95 f03 f08 for cob cbl",
      // The Java and .NET machines
      "java kt kts scala sc groovy gradle clj cljs cljc cs fs fsx fsi vb",
      // Scripts
      "py pyi pyx pxd rb rbi rake pl pm t raku lua r jl tcl awk php phtml",
      "js mjs cjs jsx ts mts cts tsx coffee vue svelte",
      "sh bash zsh fish ksh csh ps1 psm1 psd1 bat cmd",
      // Functional, logic and proof languages
      "hs lhs ml mli elm purs ex exs erl hrl el lisp lsp scm rkt sml lean agda idr pro",
      // Data, schemas, builds, hardware
      "sql proto thrift graphql gql sol tf hcl nix bzl star cmake mk mak ninja vim dart",
      "css scss sass less asm s nasm v sv svh vhd vhdl",
    ].flatMap { $0.split(separator: " ").map(String.init) })
}

/// Tells programs without a suffix.
enum ScriptMark {
  /// Begins with "#!" and a path.
  static func isScript(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.starts(with: [0x23, 0x21, 0x2f]) || bytes.starts(with: [0x23, 0x21, 0x20, 0x2f])
  }
}
