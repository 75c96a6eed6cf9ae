import Foundation

/// What a path has to be before a file is read.
package enum ReadableFile {
  /// Refuses a path at which there is nothing, or a directory.
  /// - Parameter expected: what was to be there, for the error.
  /// - Throws: `CarinaError.missingInput`.
  package static func require(_ path: String, expected: String? = nil) throws {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw CarinaError(.missingInput, "there is no such file", at: path, expected: expected)
    }
    guard !isDirectory.boolValue else {
      throw CarinaError(.missingInput, "is a directory", at: path, expected: expected ?? "a file")
    }
  }

  /// What is thrown where there is a file and it cannot be opened.
  package static func refusal(_ path: String) -> CarinaError {
    CarinaError(.missingInput, "cannot be read", at: path, remedy: "Check its permissions.")
  }
}
