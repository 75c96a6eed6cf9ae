import Carina
import Foundation
import TestSupport
import Testing

/// An output directory of a training run, for looking at what a run left.
struct TrainingOutput {
  let directory: TemporaryDirectory
  let path: String

  /// A path where nothing is yet.
  init() throws {
    directory = try TemporaryDirectory()
    path = directory.file("run")
  }

  /// The path of a name inside.
  func file(_ name: String) -> String { "\(path)/\(name)" }
  /// Whether it is there.
  func has(_ name: String) -> Bool { FileManager.default.fileExists(atPath: file(name)) }

  /// Starts runs until one is ended by a signal before it is done: on a busy machine the shell that waits for the right moment may
  /// come too late.
  ///
  /// - Parameters:
  ///   - test: what the shell waits for, as the arguments of `[`.
  ///   - code: the exit code of a run that was ended.
  ///   - start: runs a program with commands for the shell before it.
  static func stopped(
    by signal: String, when test: (TrainingOutput) -> String, code: Int,
    _ start: (TrainingOutput, _ shellPrefix: String) throws -> ProgramRun
  ) throws -> (output: TrainingOutput, run: ProgramRun) {
    for _ in 0..<8 {
      let output = try TrainingOutput()
      let run = try start(
        output,
        // Bounded: a watcher that outlives its run would keep a core busy for ever.
        """
        ( n=0; while kill -0 $$ && [ ! \(test(output)) ] && [ $n -lt 6000 ]; do sleep 0.005; n=$((n+1)); done; \
        kill -\(signal) $$ ) 2>/dev/null &
        """)
      if run.exitCode == 0 { continue }
      #expect(run.exitCode == code, "\(run.errors)")
      return (output, run)
    }
    throw CarinaError(.internalFailure, "no signal reached a run in time")
  }

  /// Every file under a directory of the run with its bytes.
  func bytes(under name: String) throws -> [String: Data] {
    var result: [String: Data] = [:]
    for entry in try FileManager.default.subpathsOfDirectory(atPath: file(name)) {
      let path = "\(file(name))/\(entry)"
      var isDirectory: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue else {
        continue
      }
      result[entry] = try Data(contentsOf: URL(fileURLWithPath: path))
    }
    return result
  }

  /// The log's lines as text.
  func log() throws -> String { try String(contentsOfFile: file(TrainingLog.fileName), encoding: .utf8) }

  /// The log's objects, every line of which must be one.
  func steps() throws -> [JSONValue] {
    try log().split(separator: "\n", omittingEmptySubsequences: true).map {
      try JSONValue.parse(String($0), source: "log")
    }
  }

  /// The log without what the clock decides.
  func numbers() throws -> [JSONValue] {
    try steps().map { step in
      var object = try #require(step.object)
      object["seconds"] = .null
      object["data_wait_ms"] = .null
      return .object(object)
    }
  }

  /// The losses in order.
  func losses() throws -> [Double] { try steps().map { try #require($0["loss"]?.double) } }

  /// Names of unfinished files and directories anywhere beside or below.
  func unfinished() throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: directory.path).filter {
      $0.contains(".partial") || $0.contains(".previous")
    }
  }

  /// Whether the weights under two directories are the same, tensor by tensor: names that differ.
  static func differingTensors(_ first: String, _ second: String) throws -> (differing: [String], all: [String]) {
    let (one, two) = (
      try SafetensorsFile(path: "\(first)/model.safetensors"), try SafetensorsFile(path: "\(second)/model.safetensors")
    )
    let names = one.entries.map(\.name).sorted()
    #expect(names == two.entries.map(\.name).sorted())
    return (try names.filter { try one.tensor(named: $0).values != two.tensor(named: $0).values }, names)
  }
}
