/// One thing the user did at the keyboard, freed from how a terminal encodes it.
package enum Key: Sendable, Equatable {
  /// Printable text, one or more characters typed in a row.
  case text(String)
  /// Text between the marks of a bracketed paste: inserted as it is, never executed.
  case paste(String)
  /// Return. `newline` is Alt-Return or Shift-Return: a line break that does not submit.
  case enter, newline
  case tab, backTab, backspace, delete, escape
  case left, right, up, down, home, end, pageUp, pageDown
  case wordLeft, wordRight
  /// Control with a lower-case letter, or one of `_ ] \ ^ @`.
  case control(Character)
  /// Alt (or Escape first) with a character.
  case meta(Character)
  /// Alt-Backspace.
  case metaBackspace
  /// A well-formed sequence that means nothing here; dropped, never shown as text.
  case unknown
}
