import CRuntime
import Foundation

/// What becomes of a process whose mapped files are cut short by others: the processor reports a read of bytes that are
/// gone as a signal, and no error can be thrown from there.
public enum LostFiles {
  /// From here on such a read ends the process with the exit code of bad data, after one line on standard error that
  /// names the file. Nothing is cleared away, as after a kill. Call it once, first thing in a program.
  ///
  /// - Parameters:
  ///   - prefix: what stands before the error.
  ///   - status: the exit code.
  public static func endProgram(prefix: StaticString, status: Int32) {
    prefix.withUTF8Buffer { bytes in
      bytes.withMemoryRebound(to: CChar.self) { carina_end_on_lost_file($0.baseAddress, status) }
    }
  }

  /// The error for bytes that a call of the system refused to read; nil where they belong to no mapped file.
  package static func error(reading bytes: UnsafeRawBufferPointer) -> CarinaError? {
    carina_mapped_file_at(bytes.baseAddress).map { CarinaError(.badData, String(cString: $0)) }
  }

  static func error(_ path: String, _ byteCount: Int) -> CarinaError {
    CarinaError(
      .badData, "was cut short while it was in use", at: path, expected: "\(byteCount) bytes all the time",
      found: "fewer",
      remedy: "Put the file back as it was and give the same command again; a training run goes on from its checkpoint."
        + " Replace a file that is in use by renaming another to its name, never by writing into it.")
  }
}
