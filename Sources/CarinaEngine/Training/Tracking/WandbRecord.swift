import CarinaRuntime
import Foundation

/// The protocol buffers of a `.wandb` file (`wandb_internal.proto`): `Record` with one of its kinds.
package enum WandbRecord {
  /// What a file begins with: who wrote it, and which readers understand it.
  package static func header(_ number: Int) -> [UInt8] {
    var version = ProtocolMessage(), header = ProtocolMessage()
    version.add(1, Array("carina \(CarinaVersion.current)".utf8))
    version.add(2, Array("0.1.0".utf8))
    header.add(1, version.bytes)
    return record(number, 21, header)
  }

  /// The run: its id, its project, its name and what it was asked for.
  /// - Parameter start: seconds since 1970.
  package static func run(_ number: Int, id: String, project: String, name: String, config: JSONObject, start: Double)
    throws
    -> [UInt8]
  {
    var run = ProtocolMessage(), values = ProtocolMessage()
    for (key, value) in config { values.add(1, try item(key, value, keyField: 1)) }
    run.add(1, Array(id.utf8))
    run.add(3, Array(project.utf8))
    run.add(4, values.bytes)
    run.add(8, Array(name.utf8))
    run.add(17, timestamp(start))
    return record(number, 17, run)
  }

  /// A file of the run that is uploaded with it.
  package static func file(_ number: Int, path: String) -> [UInt8] {
    var item = ProtocolMessage(), files = ProtocolMessage()
    item.add(1, Array(path.utf8))
    // Of wandb's own files.
    item.add(3, 1)
    files.add(1, item.bytes)
    return record(number, 6, files)
  }

  /// Values at a step.
  package static func history(_ number: Int, step: Int, values: JSONObject) throws -> [UInt8] {
    var history = ProtocolMessage(), position = ProtocolMessage()
    for (key, value) in values { history.add(1, try item(key, value, keyField: 2)) }
    position.add(1, step)
    history.add(2, position.bytes)
    return record(number, 2, history)
  }

  /// The newest values.
  package static func summary(_ number: Int, values: JSONObject) throws -> [UInt8] {
    var summary = ProtocolMessage()
    for (key, value) in values { summary.add(1, try item(key, value, keyField: 2)) }
    return record(number, 3, summary)
  }

  /// The end of the run.
  package static func exit(_ number: Int, code: Int, seconds: Double) -> [UInt8] {
    var exit = ProtocolMessage()
    if code != 0 { exit.add(1, code) }
    exit.add(2, Int(min(seconds, 1e9)))
    return record(number, 18, exit)
  }

  private static func record(_ number: Int, _ kind: Int, _ message: ProtocolMessage) -> [UInt8] {
    var record = ProtocolMessage()
    record.add(1, number)
    record.add(kind, message.bytes)
    return record.bytes
  }

  /// A key with a value as JSON; field 1 takes the key as it is, field 2 (`nested_key`) as a path of one name.
  private static func item(_ key: String, _ value: JSONValue, keyField: Int) throws -> [UInt8] {
    var item = ProtocolMessage()
    item.add(keyField, Array(key.utf8))
    item.add(16, Array(try value.serialized().utf8))
    return item.bytes
  }

  private static func timestamp(_ seconds: Double) -> [UInt8] {
    var timestamp = ProtocolMessage()
    timestamp.add(1, Int(seconds))
    timestamp.add(2, Int((seconds - seconds.rounded(.down)) * 1e9))
    return timestamp.bytes
  }
}
