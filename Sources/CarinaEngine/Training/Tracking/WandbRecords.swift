import CarinaRuntime
import Foundation

/// The records of an offline run in their order: numbered, framed, with the newest values kept for the summary.
struct WandbRecords {
  /// When the run began, in seconds since 1970.
  let start: Double
  /// The newest value of each name.
  private(set) var summary = JSONObject()
  private var log = WandbRecordLog()
  private var count = 0

  /// None yet.
  init(start: Double) { self.start = start }

  /// What a file begins with, up to the first step.
  mutating func opening(id: String, project: String, name: String, config: JSONObject) throws -> Data {
    var bytes = log.header
    bytes += framed { WandbRecord.header($0) }
    let start = start
    bytes += try framed {
      try WandbRecord.run($0, id: id, project: project, name: name, config: config, start: start)
    }
    bytes += framed { WandbRecord.file($0, path: "wandb-metadata.json") }
    return bytes
  }

  /// A step or a validation, as its line of the training log has it.
  mutating func line(_ line: JSONValue, time: Double) throws -> Data {
    var values = JSONObject(TensorBoardEvents.scalars(line).map { ($0.tag, .number($0.value)) })
    values["epoch"] = line["epoch"]
    values["_timestamp"] = .number(time)
    values["_runtime"] = .number(max(0, time - start))
    values["_step"] = line["step"]
    for (key, value) in values { summary[key] = value }
    return try framed { try WandbRecord.history($0, step: line["step"]?.int ?? 0, values: values) }
      + framed { try WandbRecord.summary($0, values: values) }
  }

  /// The end of the run.
  mutating func end(exitCode: Int, time: Double) -> Data {
    let seconds = max(0, time - start)
    return framed { WandbRecord.exit($0, code: exitCode, seconds: seconds) }
  }

  private mutating func framed(_ make: (Int) throws -> [UInt8]) rethrows -> Data {
    count += 1
    let record = try make(count)
    return log.frames(record)
  }
}
