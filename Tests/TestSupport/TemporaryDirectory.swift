import Foundation

/// A directory that lives as long as the value.
public final class TemporaryDirectory: Sendable {
  /// Its absolute path.
  public let path: String

  /// Creates a fresh, empty directory under the system's temporary directory.
  public init() throws {
    path = NSTemporaryDirectory() + "/carina-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a name inside.
  public func file(_ name: String) -> String { path + "/" + name }
}
