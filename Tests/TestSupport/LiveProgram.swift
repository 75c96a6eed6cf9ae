import Foundation

/// A built program that is still running: its standard input can be written, its files changed under it.
public final class LiveProgram {
  private let process = Process()
  private let scratch: TemporaryDirectory
  private let input = Pipe()

  /// Starts one of the programs that were built beside the tests.
  public init(_ name: String, _ arguments: [String]) throws {
    scratch = try TemporaryDirectory()
    let directory = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    process.executableURL = directory.appendingPathComponent(name)
    process.arguments = arguments
    process.environment = ProgramRun.withoutCards
    let texts = try ["output", "errors"].map { name -> FileHandle in
      try Data().write(to: URL(fileURLWithPath: scratch.file(name)))
      return try FileHandle(forWritingTo: URL(fileURLWithPath: scratch.file(name)))
    }
    process.standardOutput = texts[0]
    process.standardError = texts[1]
    process.standardInput = input
    try process.run()
  }

  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  /// What it has written so far.
  public var output: String { (try? String(contentsOfFile: scratch.file("output"), encoding: .utf8)) ?? "" }
  /// What it has complained of so far.
  public var errors: String { (try? String(contentsOfFile: scratch.file("errors"), encoding: .utf8)) ?? "" }

  /// Writes a line to its standard input.
  public func tell(_ line: String) { input.fileHandleForWriting.write(Data((line + "\n").utf8)) }

  /// Waits until something holds.
  /// - Returns: whether it came to hold within the seconds.
  public func wait(atMost seconds: Double = 60, until holds: (LiveProgram) -> Bool) -> Bool {
    let end = ProcessInfo.processInfo.systemUptime + seconds
    while ProcessInfo.processInfo.systemUptime < end {
      if holds(self) { return true }
      if !process.isRunning { return holds(self) }
      usleep(10_000)
    }
    return false
  }

  /// Sends a signal.
  public func signal(_ number: Int32) { kill(process.processIdentifier, number) }

  /// Waits for its end.
  /// - Returns: the exit code; the number of the signal plus 128 when one ended it.
  public func end() -> Int {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
    return Int(process.terminationStatus) + (process.terminationReason == .exit ? 0 : 128)
  }
}
