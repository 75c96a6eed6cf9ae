import ArgumentParser
import Carina
import Logging

/// The options that every program has: how many threads, how much to say.
public struct GlobalOptions: ParsableArguments {
  /// How many threads to use; nil is all cores.
  @Option(name: .long, help: ArgumentHelp("Threads to use (default: all cores).", valueName: "n"))
  public var threads: Int?

  /// How much goes to stderr.
  @Option(
    name: .customLong("log-level"),
    help: "How much to say on stderr: trace, debug, info, notice, warning, error, critical.")
  public var logLevel: Logger.Level = .info

  /// The defaults.
  public init() {}

  /// Refuses a thread count below 1, and one with which no system can start.
  public func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads must be from 1 to 1024, not \(threads).")
    }
  }

  /// Sets the team's size and the log's level; call it once, first thing in `run`.
  public func apply() {
    if let threads { ThreadTeam.count = threads }
    let level = logLevel
    LoggingSystem.bootstrap { label in
      var handler = StreamLogHandler.standardError(label: label)
      handler.logLevel = level
      return handler
    }
  }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
