/// Recognises what Git LFS leaves where a repository was cloned without it: three lines of text under the name of a
/// large file (github.com/git-lfs/git-lfs/blob/main/docs/spec.md).
package enum LargeFilePointer {
  /// What every such file begins with.
  package static let start = Array("version https://git-lfs.github.com/spec/".utf8)

  /// The error for such a file; nil for any other.
  /// - Parameters:
  ///   - bytes: the file, or as much of its beginning as `start` has.
  ///   - source: names the file.
  package static func refusal(_ bytes: some Sequence<UInt8>, source: String) -> CarinaError? {
    guard bytes.starts(with: start) else { return nil }
    return CarinaError(
      .badData, "is a pointer of Git LFS, not the file itself", at: source,
      remedy: "Fetch the file: run `git lfs install` and `git lfs pull` in the repository, or download it.")
  }
}
