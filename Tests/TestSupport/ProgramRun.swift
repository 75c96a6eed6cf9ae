import Foundation

/// What a built program did: its exit code and what it wrote.
public struct ProgramRun {
  /// The exit code; the number of the signal plus 128 when one ended it.
  public let exitCode: Int
  /// Standard output.
  public let output: String
  /// Standard error.
  public let errors: String
  /// The number that its process had.
  public let processID: Int32

  /// The environment of this process in which a program finds no GPU, so that tests compare what the processor computes
  /// wherever they run.
  static var withoutCards: [String: String] {
    ProcessInfo.processInfo.environment.filter { $0.key != "CARINA_CUDA_LIBRARIES" }
      .merging(["CUDA_VISIBLE_DEVICES": ""]) { $1 }
  }

  /// Runs one of the programs that were built beside the tests and waits for its end.
  /// - Parameters:
  ///   - shellPrefix: commands for the shell before the program starts (`ulimit -f 1;`).
  ///   - interruptAfter: seconds after which SIGINT is sent.
  ///   - killAfter: seconds after which SIGKILL is sent.
  ///   - environment: variables of the program besides this process's; see `withoutCards`.
  public init(
    _ name: String, _ arguments: [String], shellPrefix: String = "", interruptAfter: Double? = nil,
    killAfter: Double? = nil, environment: [String: String] = [:]
  ) throws {
    let directory = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    let program = directory.appendingPathComponent(name).path
    let process = Process()
    if shellPrefix.isEmpty {
      process.executableURL = URL(fileURLWithPath: program)
      process.arguments = arguments
    } else {
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-c", "\(shellPrefix) exec \"$0\" \"$@\"", program] + arguments
    }
    process.environment = ProgramRun.withoutCards.merging(environment) { $1 }
    // Files, not pipes: a pipe that is read too late stops the program.
    let scratch = try TemporaryDirectory()
    let texts = try ["output", "errors"].map { name -> FileHandle in
      try Data().write(to: URL(fileURLWithPath: scratch.file(name)))
      return try FileHandle(forWritingTo: URL(fileURLWithPath: scratch.file(name)))
    }
    process.standardOutput = texts[0]
    process.standardError = texts[1]
    process.standardInput = FileHandle.nullDevice
    try process.run()
    if let interruptAfter {
      Thread.sleep(forTimeInterval: interruptAfter)
      process.interrupt()
    }
    if let killAfter {
      Thread.sleep(forTimeInterval: killAfter)
      kill(process.processIdentifier, SIGKILL)
    }
    process.waitUntilExit()
    processID = process.processIdentifier
    let status = Int(process.terminationStatus)
    exitCode = process.terminationReason == .exit ? status : status + 128
    output = try String(contentsOfFile: scratch.file("output"), encoding: .utf8)
    errors = try String(contentsOfFile: scratch.file("errors"), encoding: .utf8)
  }
}
