import Foundation
import TestSupport
import Testing

import Carina

/// Files of the golden models, and small safetensors files made by hand.
enum CheckpointGoldens {
  static func path(_ name: String) throws -> String {
    try #require(Bundle.module.url(forResource: "Goldens/\(name)", withExtension: nil)).path
  }

  static func json(_ name: String) throws -> JSONValue { try JSONValue.parseFile(path(name)) }

  /// The bytes of a safetensors file with this header text and `dataByteCount` bytes of data.
  static func safetensors(_ header: String, dataByteCount: Int) -> Data {
    var data = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
    data += Data(header.utf8)
    data += Data((0..<dataByteCount).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) })
    return data
  }

  static func write(_ data: Data, to path: String) throws { try data.write(to: URL(fileURLWithPath: path)) }
}

/// What an expression throws, as a `CarinaError`; records an issue when it throws nothing or something else.
func thrownCarinaError<T>(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> T
) -> CarinaError? {
  do {
    _ = try body()
    Issue.record("nothing was thrown", sourceLocation: sourceLocation)
  } catch let error as CarinaError {
    return error
  } catch {
    Issue.record("\(error) was thrown", sourceLocation: sourceLocation)
  }
  return nil
}
