import FoundationEssentials

/// Turns a Jupyter notebook (nbformat 3 or 4) into Markdown: text cells as they are, code cells
/// fenced. Outputs are left out.
enum NotebookText {
  private struct Notebook: Decodable {
    var cells: [Cell]?
    var worksheets: [Worksheet]?
    var metadata: Metadata?
  }

  private struct Worksheet: Decodable { var cells: [Cell] }

  private struct Metadata: Decodable {
    var kernelspec: Kernel?
    var language_info: Language?
  }

  private struct Kernel: Decodable { var language: String? }

  private struct Language: Decodable { var name: String? }

  private struct Cell: Decodable {
    var cell_type: String
    /// Of a heading (nbformat 3).
    var level: Int?
    var source: Source?
    var input: Source?
  }

  /// One string, or one for each line.
  private struct Source: Decodable {
    var text: String

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let lines = try? container.decode([String].self) {
        text = lines.joined()
      } else {
        text = try container.decode(String.self)
      }
    }
  }

  /// nil when the bytes are no notebook.
  static func convert(_ utf8: [UInt8]) -> ExtractedText? {
    guard let book = try? JSONDecoder().decode(Notebook.self, from: Data(utf8)),
      let cells = book.cells ?? book.worksheets?.flatMap(\.cells)
    else { return nil }
    let language = book.metadata?.kernelspec?.language ?? book.metadata?.language_info?.name ?? ""
    var text = ""
    for cell in cells {
      guard let source = (cell.source ?? cell.input)?.text, !source.allSatisfy(\.isWhitespace)
      else {
        continue
      }
      if cell.cell_type == "code" {
        let fence = fence(around: source)
        text += fence + language + "\n" + source + (source.hasSuffix("\n") ? "" : "\n") + fence
      } else if cell.cell_type == "heading" {
        text += String(repeating: "#", count: min(max(cell.level ?? 1, 1), 6)) + " " + source
      } else {
        text += source
      }
      text += "\n\n"
    }
    let bytes = Array(text.utf8)
    return ExtractedText(
      utf8: bytes, kind: .markdown, title: TextExtractor.markdownTitle(bytes), isConverted: true,
      encoding: .utf8)
  }

  /// A fence longer than any in the cell.
  private static func fence(around source: String) -> String {
    var (longest, run) = (0, 0)
    for byte in source.utf8 {
      run = byte == UInt8(ascii: "`") ? run + 1 : 0
      longest = max(longest, run)
    }
    return String(repeating: "`", count: max(3, longest + 1))
  }
}
