import Foundation

/// A process that has ended.
enum DeadProcess {
  /// Its number, which no process has for now.
  static func identifier() throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "exit 0"]
    try process.run()
    process.waitUntilExit()
    return process.processIdentifier
  }
}
