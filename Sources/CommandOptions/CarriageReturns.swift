import Carina

/// Refuses words that end in a carriage return: a script that was saved with the line ends of Windows gives one to the
/// last word of each line, where nobody sees it (`--output-dir run` makes a directory of another name).
/// - Parameter arguments: the words of the command line, without the program's name.
/// - Throws: `CarinaError.usage` naming the word.
func refuseCarriageReturns(_ arguments: [String]) throws {
  // A carriage return and a line feed are one character to Swift, so the bytes are asked.
  guard let word = arguments.first(where: { $0.utf8.last == 0x0D }) else { return }
  throw CarinaError(
    .usage, "the argument \"\(String(decoding: word.utf8.dropLast(), as: UTF8.self))\" ends in a carriage return",
    remedy: "The script was saved with the line ends of Windows: convert it, e.g. with `sed -i 's/\\r$//' SCRIPT`.")
}
