// The streams of the C library are variables; nobody assigns them.
@preconcurrency import Foundation

/// What the running script tells the process that writes its notebook, between the lines of its own standard output.
///
/// A message is JSON between two bytes 0x1E (ASCII's record separator), which no text has. Everything else in the
/// output is printed text, whoever printed it.
struct CellMessage: Codable, Equatable {
  static let frame: UInt8 = 0x1E

  /// The line of the script that speaks.
  var line: Int
  /// Shown content by media type; nil in a message that only says where the script is.
  var display: [String: String]?

  /// Whether this process is one that is listened to.
  static let isHeard = ProcessInfo.processInfo.environment[variable] != nil

  /// The variable by which the listening process tells so.
  static let variable = "NOTEBOOK_CELLS_LISTENING"

  /// Sends the message if somebody listens.
  func send() {
    guard Self.isHeard else { return }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let json = try? encoder.encode(self) else { return }
    StandardOutput.write([Self.frame] + json + [Self.frame])
    StandardOutput.flush()
  }
}
