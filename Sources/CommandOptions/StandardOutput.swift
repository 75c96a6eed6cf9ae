import Carina
// The streams of the C library are variables; nobody assigns them.
@preconcurrency import Foundation

/// Writes a text to stdout at once.
/// - Throws: `CarinaError.cannotWrite` when nobody reads it any more or there is no room.
public func writeToStandardOutput(_ text: String) throws {
  let written = Array(text.utf8).withUnsafeBufferPointer { fwrite($0.baseAddress, 1, $0.count, stdout) }
  guard written == text.utf8.count, fflush(stdout) == 0 else {
    throw CarinaError(.cannotWrite, "the output cannot be written", at: "standard output")
  }
}
