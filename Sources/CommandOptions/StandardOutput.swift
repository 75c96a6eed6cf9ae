import Carina
// The streams of the C library are variables; nobody assigns them.
@preconcurrency import Foundation

/// Writes a text to stdout at once, as it is.
/// - Throws: `CarinaError.cannotWrite` when nobody reads it any more or there is no room.
public func writeToStandardOutput(_ text: String) throws {
  let written = Array(text.utf8).withUnsafeBufferPointer { fwrite($0.baseAddress, 1, $0.count, stdout) }
  guard written == text.utf8.count, fflush(stdout) == 0 else {
    throw CarinaError(.cannotWrite, "the output cannot be written", at: "standard output")
  }
}

/// Writes a model's words to stdout: as they are into a file or pipe, with what acts on a terminal written out on one.
/// - Throws: as `writeToStandardOutput`.
public func writeAnswer(_ text: String) throws {
  try writeToStandardOutput(isatty(1) == 1 ? DisplayedText.of(text, keepingLines: true) : text)
}

/// Prints a line for people, in which names and texts from data can do nothing but be read.
public func printLine(_ line: String) { print(DisplayedText.of(line)) }
