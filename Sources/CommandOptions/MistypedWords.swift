import Carina

/// Refuses words of a command line that cannot be meant and that nobody sees are wrong.
///
/// A script with the line ends of Windows gives the last word of each line a carriage return, so that `--output-dir run`
/// makes a directory of another name. Word processors and web pages turn the hyphens of an option into a dash. And a
/// shell leaves the tilde of `--output-dir=~/run` as it is.
/// - Parameter arguments: the words of the command line, without the program's name.
/// - Throws: `CarinaError.usage` naming the word.
func refuseMistypedWords(_ arguments: [String]) throws {
  for word in arguments.prefix(while: { $0 != "--" }) {
    // A carriage return and a line feed are one character to Swift, so the bytes are asked.
    if word.utf8.last == 0x0D {
      throw CarinaError(
        .usage, "the argument \"\(String(decoding: word.utf8.dropLast(), as: UTF8.self))\" ends in a carriage return",
        remedy: "The script was saved with the line ends of Windows: convert it, e.g. with `sed -i 's/\\r$//' SCRIPT`.")
    }
    let scalars = word.unicodeScalars
    if let first = scalars.first, dashes.contains(first),
      isOptionName(scalars.drop { dashes.contains($0) || $0 == "-" })
    {
      throw CarinaError(
        .usage,
        "the argument \"\(word)\" begins with a dash that is no hyphen, as word processors and web pages write it",
        remedy: "Type it again with two hyphens: --.")
    }
    if word.hasPrefix("--"), let equals = word.firstIndex(of: "="), word[equals...].hasPrefix("=~/") {
      throw CarinaError(
        .usage, "the tilde of \"\(word)\" was not replaced: a shell does so at the beginning of a word alone",
        remedy: "Write a space in the place of the equals sign, or $HOME in that of the tilde.")
    }
  }
}

/// Hyphens and dashes that are not the one of the keyboard, and the minus sign.
private let dashes = Set((0x2010...0x2015).compactMap(Unicode.Scalar.init) + ["\u{2212}", "\u{FE63}", "\u{FF0D}"])

/// Whether a word without its hyphens is spelled like an option: a value may begin with a dash, and then has blanks.
private func isOptionName(_ rest: Substring.UnicodeScalarView) -> Bool {
  let name = rest.prefix { $0 != "=" }
  return name.count > 1
    && name.allSatisfy { ("a"..."z").contains($0) || $0 == "-" || $0 == "_" || ("0"..."9").contains($0) }
}
