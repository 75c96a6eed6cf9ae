/// What there is to tell of a download.
public enum HubProgress: Sendable {
  /// Files were found, as many of which are to be fetched; those that follow by an index come in a second report.
  case found(model: String, commit: String, files: Int, byteCount: Int)
  /// Bytes of the files to fetch that are there.
  case arrived(byteCount: Int)
  /// The hub is asked again in some seconds, for this reason.
  case waiting(seconds: Double, reason: String)
  /// Something that who asked should know.
  case remark(String)
  /// All files are there.
  case finished
}
