/// Paths as programs on Windows write them.
package enum WindowsPath {
  /// A path with slashes in place of backslashes; nil where it has none. On Linux a backslash may also be a part of a
  /// name, so the path itself is tried first.
  package static func slashed(_ path: String) -> String? {
    guard path.utf8.contains(UInt8(ascii: "\\")) else { return nil }
    return String(decoding: path.utf8.map { $0 == UInt8(ascii: "\\") ? UInt8(ascii: "/") : $0 }, as: UTF8.self)
  }
}
